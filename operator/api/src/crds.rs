//! The `CustomResourceDefinition`s of both kinds, derived from the types.
//!
//! The derivation knows Rust, not API servers: what one would warn about or take for something else
//! is put right here, on the way out.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;
use serde_json::Value;

use crate::job::ImageJob;
use crate::policy::ScalePolicy;

/// The definitions of `ImageJob` and `ScalePolicy`.
pub fn crds() -> [CustomResourceDefinition; 2] {
    [ImageJob::crd(), ScalePolicy::crd()].map(|mut crd| {
        let schemas = crd.spec.versions.iter_mut().filter_map(|version| version.schema.as_mut());
        schemas.filter_map(|schema| schema.open_api_v3_schema.as_mut()).for_each(tidy);
        crd
    })
}

/// A definition as people read it and `kubectl apply` takes it.
pub fn manifest(crd: &CustomResourceDefinition) -> Result<String, ManifestError> {
    let mut value = serde_json::to_value(crd)?;
    whole_numbers(&mut value);
    Ok(serde_saphyr::to_string(&value)?)
}

/// Why a definition cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It is not JSON.
    #[error("the definition is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It is not YAML.
    #[error("the definition is not YAML: {0}")]
    Yaml(#[from] serde_saphyr::SerializeError),
}

fn tidy(schema: &mut JSONSchemaProps) {
    // Where null is not a value, an API server takes it for omitted, as the reader of files does.
    schema.nullable = None;
    // Widths of unsigned numbers are unknown to API servers, which warn about them at each apply.
    if let Some((signed, largest)) = schema.format.as_deref().and_then(signed) {
        schema.format = Some(signed.to_owned());
        schema.maximum = schema.maximum.or(largest);
    }
    // Lines end where the source wraps, which is not where a terminal does.
    if let Some(description) = &mut schema.description {
        *description = description.split("\n\n").map(|p| p.replace('\n', " ")).collect::<Vec<_>>().join("\n\n");
        // `kubectl explain` does not show defaults. What an object fills in is told field by field.
        if let Some(JSON(default)) = schema.default.as_ref().filter(|JSON(default)| !default.is_object()) {
            *description =
                format!("{description} Default: {}.", default.as_str().map_or(default.to_string(), str::to_owned));
        }
    }
    schema.properties.iter_mut().flat_map(|properties| properties.values_mut()).for_each(tidy);
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        tidy(items);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        tidy(values);
    }
}

/// The signed width that holds an unsigned one, and the largest number if that is no bound by itself.
fn signed(format: &str) -> Option<(&'static str, Option<f64>)> {
    match format {
        "uint16" => Some(("int32", Some(u16::MAX.into()))),
        "uint32" => Some(("int64", Some(u32::MAX.into()))),
        "uint64" => Some(("int64", None)),
        _ => None,
    }
}

/// Bounds are floats in the types, `1.0`, and whole numbers to people.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(whole) = number.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < 1e15) {
                *number = (whole as i64).into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(fields) => fields.values_mut().for_each(whole_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}
