//! Values of any kind for any place of a document.

use proptest::prelude::*;
use serde_json::{Value, json};

/// Values that are likely to be taken for something else.
pub(crate) fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0..200u64).prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        "[0-9:]{4,8}".prop_map(Value::from),
        "[0-9.]{1,40}(Ki|Mi|G|)".prop_map(Value::from),
        Just(json!("24:00")),
        Just(json!("Sat")),
        Just(json!("/~0/~1/~2")),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map("[a-z]{1,8}", inner, 0..3).prop_map(|map| json!(map)),
        ]
    })
}

/// Every place of a document, as JSON pointers.
pub(crate) fn places(value: &Value, here: &str, found: &mut Vec<String>) {
    found.push(here.to_owned());
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                places(value, &format!("{here}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (i, value) in items.iter().enumerate() {
                places(value, &format!("{here}/{i}"), found);
            }
        }
        _ => {}
    }
}
