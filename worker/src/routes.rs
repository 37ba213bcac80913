//! Which topic a result goes to, by what steps found.

use imagejob_protocol::settings::Route;
use serde_json::{Map, Value};

/// The topic of a result: that of the first route that fits, or `otherwise`.
pub(crate) fn topic<'a>(routes: &'a [Route], steps: &Map<String, Value>, otherwise: &'a str) -> &'a str {
    routes.iter().find(|route| fits(route, steps)).map_or(otherwise, |route| &route.topic)
}

/// Whether there is such a value. A step that did not run found nothing.
fn fits(route: &Route, steps: &Map<String, Value>) -> bool {
    let Some((step, fields)) = route.when.split_first() else { return false };
    let found = fields.iter().try_fold(steps.get(step), |value, field| Some(value?.get(field)));
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    found.flatten().map(text).as_ref() == Some(&route.equals)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_route_that_fits_decides() {
        let route = |when: &str, equals: &str, topic: &str| Route {
            when: when.split('.').map(str::to_owned).collect(),
            equals: equals.to_owned(),
            topic: topic.to_owned(),
        };
        let routes = [
            route("match.verdict", "Mismatch", "wrong"),
            route("page.complete", "true", "complete"),
            route("own.seen.cats", "2", "cats"),
            route("match.verdict", "Mismatch", "later"),
            route("match", "Match", "whole step"),
        ];
        for (steps, expected) in [
            (json!({"match": {"verdict": "Mismatch"}}), "wrong"),
            (json!({"match": {"verdict": "Mismatch"}, "page": {"complete": true}}), "wrong"),
            (json!({"match": {"verdict": "Match"}, "page": {"complete": true}}), "complete"),
            (json!({"page": {"complete": "true"}}), "complete"),
            (json!({"own": {"seen": {"cats": 2}}}), "cats"),
            (json!({"own": {"seen": 2}}), "results"),
            (json!({"quality": {"verdict": "TooBlurry"}}), "results"),
            (json!({}), "results"),
        ] {
            let Value::Object(found) = &steps else { panic!("{steps} is an object") };
            assert_eq!(topic(&routes, found, "results"), expected, "{steps}");
        }
    }
}
