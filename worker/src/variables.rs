//! Values that patterns in a job name, as in `oss://posters/{posterId}.jpg`: from the message by JSON
//! pointers, from the name of the photo, and from the time of its record.

use std::collections::BTreeMap;

use imagejob_protocol::events::Object;
use imagejob_protocol::reasons::FailureReason;
use jiff::Timestamp;
use serde_json::Value;

use crate::outcome::Failure;

/// Text by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// What `pointers` (name to JSON pointer) find in a message: strings as they are, numbers and truth values as
    /// JSON writes them. What is not there has no value, which matters only to a pattern that names it.
    pub fn of(pointers: &BTreeMap<String, String>, message: &Value) -> Self {
        let text = |value: &Value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        };
        pointers.iter().filter_map(|(name, pointer)| Some((name.clone(), text(message.pointer(pointer)?)?))).collect()
    }

    /// With `time`, when the record was sent, as in `2026-11-22T15:04:05Z`, unless the message gives a time of its own.
    #[must_use]
    pub fn with_time(mut self, sent: Timestamp) -> Self {
        self.0.entry("time".to_owned()).or_insert_with(|| sent.strftime("%FT%TZ").to_string());
        self
    }

    /// With what the photo's place says: `bucket`, `key`, and of the key's last part `name` and `ext`
    /// (`holiday/a.jpg`: `a`, `jpg`). They win over values of the same name.
    #[must_use]
    pub fn with_object(mut self, object: &Object) -> Self {
        let last = object.key.rsplit('/').next().unwrap_or_default();
        let (name, extension) = last.rsplit_once('.').unwrap_or((last, ""));
        for (variable, value) in
            [("bucket", object.bucket.as_str()), ("key", object.key.as_str()), ("name", name), ("ext", extension)]
        {
            self.0.insert(variable.to_owned(), value.to_owned());
        }
        self
    }

    /// `pattern` with each `{name}` replaced by its value.
    ///
    /// # Errors
    /// `VariableMissing` for a name without a value, or an empty one.
    pub fn expand(&self, pattern: &str) -> Result<String, Failure> {
        let mut expanded = String::new();
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once('{') {
            expanded.push_str(before);
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            let value = self.0.get(name).filter(|value| !value.is_empty()).ok_or_else(|| {
                let message = format!("{pattern:?} needs {{{name}}}, which this message does not give");
                Failure::new(FailureReason::VariableMissing, message)
            })?;
            expanded.push_str(value);
            rest = after;
        }
        expanded.push_str(rest);
        Ok(expanded)
    }
}

impl FromIterator<(String, String)> for Variables {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn patterns_are_filled_from_message_and_name() {
        let pointers = [("id", "/poster/id"), ("shop", "/shop"), ("list", "/list"), ("none", "/none")];
        let pointers = pointers.map(|(name, pointer)| (name.to_owned(), pointer.to_owned())).into();
        let message = json!({"poster": {"id": "海报 7"}, "shop": 12, "list": [1], "none": null});
        let object = Object::new("photos", "holiday/a.b.jpg");
        let variables = Variables::of(&pointers, &message).with_object(&object);
        for (pattern, expanded) in [
            ("oss://posters/{id}.jpg", Ok("oss://posters/海报 7.jpg")),
            ("oss://posters/{shop}/{id}", Ok("oss://posters/12/海报 7")),
            ("oss://{bucket}/{name}-blank.{ext}", Ok("oss://photos/a.b-blank.jpg")),
            ("{key}", Ok("holiday/a.b.jpg")),
            ("plain", Ok("plain")),
            ("{other}", Err(())),
            ("{list}", Err(())),
            ("{none}", Err(())),
            ("{id", Ok("海报 7")),
        ] {
            let found = variables.expand(pattern);
            assert_eq!(found.as_deref().map_err(|_| ()), expanded, "{pattern}");
        }
        assert_eq!(variables.expand("{time}").unwrap_err().reason, FailureReason::VariableMissing);
        let sent = Timestamp::from_millisecond(1_795_359_845_999).unwrap();
        let timed = variables.clone().with_time(sent);
        assert_eq!(timed.expand("{time} {shop}").unwrap(), "2026-11-22T15:04:05Z 12");
        let own = Variables::from_iter([("time".to_owned(), "noon".to_owned())]).with_time(sent);
        assert_eq!(own.expand("{time}").unwrap(), "noon", "what the message says of the photo is nearer to it");
        let missing = variables.expand("oss://posters/{city}.jpg").unwrap_err();
        assert_eq!(missing.reason, FailureReason::VariableMissing);
        assert_eq!(missing.message, r#""oss://posters/{city}.jpg" needs {city}, which this message does not give"#);
    }
}
