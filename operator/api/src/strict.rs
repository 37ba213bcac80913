//! Reads a typed object out of JSON and says exactly what is wrong where.
//!
//! A `serde` deserializer of our own, because users should read `spec.delivery.slots: "eight" is
//! not a whole number`, not a parser's diary: it knows the path of every value, refuses fields
//! that a type does not have (the types themselves stay lenient, as a watch on objects written by
//! newer versions has to be), treats `null` as omitted, and never guesses a type.

use std::fmt;

use jiff::Timestamp;
use serde::Deserializer;
use serde::de::value::{BorrowedStrDeserializer, StrDeserializer, StringDeserializer};
use serde::de::{DeserializeOwned, DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::document::nearest;

/// A field and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldError {
    /// Dotted path from the root, `spec.steps[0].name`; empty for the root itself.
    pub path: String,
    /// What is wrong, and the way out.
    pub message: String,
}

/// Reads `T`, with every field known and of its type.
pub(crate) fn read<T: DeserializeOwned>(value: &Value) -> Result<T, FieldError> {
    read_at("", value)
}

/// The same for a part of a document, which lies at `path`.
pub(crate) fn read_at<T: DeserializeOwned>(path: &str, value: &Value) -> Result<T, FieldError> {
    let root = Node { value, path: path.to_owned() };
    root.locate(T::deserialize)
        .map_err(|wrong| FieldError { path: wrong.path.unwrap_or_default(), message: wrong.message })
}

/// What is wrong, and where once that is known: the innermost value that hears of it says.
#[derive(Debug)]
struct Wrong {
    path: Option<String>,
    /// The field below `path` that is missing.
    missing: Option<&'static str>,
    message: String,
}

impl Wrong {
    fn at(self, path: &str) -> Self {
        let located = self.path.unwrap_or_else(|| match self.missing {
            Some(field) => below(path, field),
            None => path.to_owned(),
        });
        Self { path: Some(located), missing: None, message: self.message }
    }
}

/// The path of a field of the object at `path`.
fn below(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}

impl std::error::Error for Wrong {}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl serde::de::Error for Wrong {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { path: None, missing: None, message: message.to_string() }
    }

    fn missing_field(field: &'static str) -> Self {
        Self { path: None, missing: Some(field), message: "is required, but missing".to_owned() }
    }
}

/// A value and where it is.
struct Node<'de> {
    value: &'de Value,
    path: String,
}

impl<'de> Node<'de> {
    /// Reads the value; what goes wrong below it without a place of its own is wrong here.
    fn locate<T>(self, read: impl FnOnce(Self) -> Result<T, Wrong>) -> Result<T, Wrong> {
        let path = self.path.clone();
        read(self).map_err(|wrong| wrong.at(&path))
    }

    fn is_not(&self, wanted: &str) -> Wrong {
        let found = match self.value {
            Value::Object(_) => "a map".to_owned(),
            Value::Array(_) => "a list".to_owned(),
            Value::Null => "nothing".to_owned(),
            scalar => scalar.to_string(),
        };
        Wrong::custom(format_args!("{found} is not {wanted}"))
    }

    /// The fields of a map that are not null.
    fn fields(&self) -> Result<impl Iterator<Item = (&'de str, Node<'de>)> + use<'de>, Wrong> {
        let fields = self.value.as_object().ok_or_else(|| self.is_not("a map of fields"))?;
        let path = self.path.clone();
        let present = fields.iter().filter(|(_, value)| !value.is_null());
        Ok(present.map(move |(name, value)| (name.as_str(), Node { value, path: below(&path, name) })))
    }

    fn check_known(&self, known: &[&str]) -> Result<(), Wrong> {
        let Some((unknown, node)) = self.fields()?.find(|(name, _)| !known.contains(name)) else { return Ok(()) };
        let hint = match nearest(unknown, known.iter().copied()) {
            Some(near) => format!("did you mean {near}?"),
            None if known.is_empty() => "none is known here".to_owned(),
            None => format!("known are {}", known.join(" ")),
        };
        Err(Wrong::custom(format_args!("unknown field; {hint}")).at(&node.path))
    }
}

/// The items of a list.
struct Items<I>(I);

impl<'de, I: Iterator<Item = Node<'de>>> SeqAccess<'de> for Items<I> {
    type Error = Wrong;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Wrong> {
        self.0.next().map(|node| node.locate(|node| seed.deserialize(node))).transpose()
    }
}

/// The fields of a map.
struct Fields<'de, I> {
    rest: I,
    /// The value of the field whose name was asked for last.
    value: Option<Node<'de>>,
}

impl<'de, I: Iterator<Item = (&'de str, Node<'de>)>> MapAccess<'de> for Fields<'de, I> {
    type Error = Wrong;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Wrong> {
        let Some((name, value)) = self.rest.next() else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Wrong> {
        let value = self.value.take().ok_or_else(|| Wrong::custom("a value was asked for before its name"))?;
        value.locate(|value| seed.deserialize(value))
    }
}

/// `deserialize_u32` and its like: a whole number that the type holds.
macro_rules! whole_numbers {
    ($($deserialize:ident $visit:ident $type:ty, $range:literal;)*) => {$(
        fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
            let whole = self.value.as_i64().map(i128::from).or(self.value.as_u64().map(i128::from));
            let number = whole.and_then(|n| <$type>::try_from(n).ok());
            visitor.$visit(number.ok_or_else(|| self.is_not(concat!("a whole number", $range)))?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Node<'de> {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.value {
            Value::Object(_) => self.deserialize_map(visitor),
            Value::Array(_) => self.deserialize_seq(visitor),
            Value::String(_) => self.deserialize_str(visitor),
            Value::Bool(_) => self.deserialize_bool(visitor),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (None, Some(fraction)) => visitor.visit_f64(fraction),
                _ => self.deserialize_i64(visitor),
            },
            Value::Null => visitor.visit_unit(),
        }
    }

    whole_numbers! {
        deserialize_i32 visit_i32 i32, "";
        deserialize_u16 visit_u16 u16, " from 0 to 65535";
        deserialize_u32 visit_u32 u32, " from 0 to 4294967295";
        deserialize_u64 visit_u64 u64, " from 0";
        deserialize_i64 visit_i64 i64, "";
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_bool(self.value.as_bool().ok_or_else(|| self.is_not("true or false"))?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        let text = self.value.as_str().ok_or_else(|| match self.value {
            Value::Number(_) | Value::Bool(_) => self.is_not(&format!("text; put it in quotes: \"{}\"", self.value)),
            _ => self.is_not("text"),
        })?;
        visitor.visit_borrowed_str(text)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        let items = self.value.as_array().ok_or_else(|| self.is_not("a list"))?;
        let item = |(i, value)| Node { value, path: format!("{}[{i}]", self.path) };
        visitor.visit_seq(Items(items.iter().enumerate().map(item)))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_map(Fields { rest: self.fields()?, value: None })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.check_known(known)?;
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        match self.value.as_str() {
            Some(text) if variants.contains(&text) => visitor.visit_enum(StrDeserializer::new(text)),
            _ => Err(self.is_not(&format!("{}; use {}", noun(name), variants.join(" ")))),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Wrong> {
        // Times of object metadata; the parser's own complaint is about characters.
        if name == "Time" && self.value.as_str().is_some_and(|text| text.parse::<Timestamp>().is_err()) {
            return Err(self.is_not("an instant; write it like 2026-11-21T04:00:00Z"));
        }
        match (name, self.value) {
            // `cpu: 2` is a quantity as good as `cpu: "2"`.
            ("Quantity", Value::Number(number)) => {
                visitor.visit_newtype_struct(StringDeserializer::new(number.to_string()))
            }
            ("Quantity", value) if !value.is_string() => Err(self.is_not("a quantity; write it like 500m or 64Mi")),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i128 u8 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct identifier
        ignored_any
    }
}

/// The name of a type as people say it, with its article: `StorageType` is `a storage type`.
fn noun(type_name: &str) -> String {
    let mut words = String::from("a");
    for letter in type_name.chars() {
        if letter.is_uppercase() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}
