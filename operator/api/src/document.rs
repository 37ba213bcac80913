//! YAML files to typed objects. An error names the file, the field and the way out.
//!
//! Reads structure and types only; whether the values make sense is [`crate::validate()`]'s matter.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_saphyr::{Error, MessageFormatter, UserMessageFormatter};

use crate::job::ImageJob;
use crate::object::{API_VERSION, NamespacedName};
use crate::policy::ScalePolicy;
use crate::profile::ConfigMapRef;
use crate::strict::{self, FieldError};
use crate::validate::{Problem, Subject};

/// What the files hold, in order.
#[derive(Debug, Clone, Default)]
pub struct Documents {
    /// Jobs.
    pub jobs: Vec<Sourced<ImageJob>>,
    /// Policies, with the dates that their calendars refer to, if these are in the files too.
    pub policies: Vec<Sourced<ScalePolicy>>,
    /// Texts of `ConfigMap`s.
    texts: BTreeMap<ConfigMapRef, String>,
}

/// An object and where it was written.
#[derive(Debug, Clone)]
pub struct Sourced<T> {
    /// The object.
    pub object: T,
    /// `job.yaml`, or `all.yaml (document 2)` where a file holds several.
    pub place: String,
}

/// What is wrong with a document, in one line: `job.yaml: spec.steps: is required, but missing`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct DocumentError {
    /// The file, and the document if it holds several.
    pub place: String,
    /// Dotted path of the field; empty for the document as a whole.
    pub path: String,
    /// What is wrong, and the way out.
    pub message: String,
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

impl Documents {
    /// Reads files given by name and text. Every document is looked at; the first error of each
    /// is returned.
    pub fn read<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Vec<DocumentError>> {
        let mut documents = Self::default();
        let mut errors = Vec::new();
        for (file, text) in files {
            match serde_saphyr::from_multiple::<Value>(text) {
                Ok(values) if values.is_empty() => errors.push(wrong(file, "holds no document".to_owned())),
                Ok(values) => {
                    let several = values.len() > 1;
                    for (i, value) in values.into_iter().enumerate() {
                        let place = if several { format!("{file} (document {})", i + 1) } else { file.to_owned() };
                        errors.extend(documents.add(place, value).err());
                    }
                }
                Err(error) => errors.push(wrong(file, not_yaml(&error))),
            }
        }
        if errors.is_empty() { Ok(documents.with_dates()) } else { Err(errors) }
    }

    fn with_dates(mut self) -> Self {
        for policy in &mut self.policies {
            policy.object = policy.object.clone().with_dates(|reference| self.texts.get(reference).cloned());
        }
        self
    }

    /// The only job, or the one with this name.
    pub fn job(&self, name: Option<&str>) -> Result<&Sourced<ImageJob>, String> {
        let named = |job: &&Sourced<ImageJob>| name.is_none_or(|name| own_name(&job.object.metadata) == name);
        let mut found = self.jobs.iter().filter(named);
        let names = || self.jobs.iter().map(|job| own_name(&job.object.metadata)).collect::<Vec<_>>().join(" ");
        match (found.next(), found.next(), name) {
            (Some(job), None, _) => Ok(job),
            (None, _, None) => Err("no document is an ImageJob; add one".to_owned()),
            (None, _, Some(name)) => Err(format!("no ImageJob is named {name:?}; there are {}", names())),
            (Some(_), Some(_), None) => Err(format!("several ImageJobs; name one of {}", names())),
            (Some(_), Some(_), Some(name)) => Err(format!("several ImageJobs are named {name:?}; keep one")),
        }
    }

    /// The policy with this name.
    pub fn policy(&self, name: &str) -> Option<&Sourced<ScalePolicy>> {
        self.policies.iter().find(|policy| own_name(&policy.object.metadata) == name)
    }

    /// Where a problem was written, for printing.
    pub fn locate(&self, problem: &Problem) -> DocumentError {
        let place = match &problem.subject {
            Subject::ImageJob(name) => {
                let job = self.jobs.iter().find(|job| NamespacedName::of(&job.object.metadata) == *name);
                job.map_or_else(|| name.to_string(), |job| job.place.clone())
            }
            Subject::ScalePolicy(name) => self.policy(name).map_or_else(|| name.clone(), |policy| policy.place.clone()),
        };
        DocumentError { place, path: problem.path.clone(), message: problem.message.clone() }
    }

    fn add(&mut self, place: String, value: Value) -> Result<(), DocumentError> {
        let at = |path: &str, message: String| DocumentError { place: place.clone(), path: path.to_owned(), message };
        let Value::Object(mut fields) = value else {
            return Err(at("", "is not an object; begin with apiVersion and kind".to_owned()));
        };
        // The types know their own kind and version.
        let (api_version, kind) = (fields.remove("apiVersion"), fields.remove("kind"));
        if kind.as_ref().and_then(Value::as_str) == Some("ConfigMap") {
            self.texts.extend(texts(&fields));
            return Ok(());
        }
        match api_version.as_ref().and_then(Value::as_str) {
            Some(API_VERSION) => {}
            Some(other) => return Err(at("apiVersion", format!("{other:?} is not known; use {API_VERSION}"))),
            None => return Err(at("apiVersion", format!("is required, but missing; use {API_VERSION}"))),
        }
        let kinds = "use ImageJob or ScalePolicy, or ConfigMap for the dates of a calendar";
        let object = Value::Object(fields);
        match kind.as_ref().and_then(Value::as_str) {
            Some("ImageJob") => self.jobs.push(typed(place, &object)?),
            Some("ScalePolicy") => self.policies.push(typed(place, &object)?),
            Some(other) => return Err(at("kind", format!("{other:?} is not known; {kinds}"))),
            None => return Err(at("kind", format!("is required, but missing; {kinds}"))),
        }
        Ok(())
    }
}

/// The keys of a `ConfigMap`.
fn texts(fields: &Map<String, Value>) -> Vec<(ConfigMapRef, String)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let metadata = |field: &str| fields.get("metadata")?.get(field).and_then(text);
    let namespace = metadata("namespace").unwrap_or_else(|| "default".to_owned());
    let (name, data) = (metadata("name").unwrap_or_default(), fields.get("data").and_then(Value::as_object));
    let entry = |(key, value): (&String, &Value)| {
        Some((ConfigMapRef { namespace: namespace.clone(), name: name.clone(), key: key.clone() }, text(value)?))
    };
    data.into_iter().flatten().filter_map(entry).collect()
}

fn typed<T: DeserializeOwned + Resource>(place: String, value: &Value) -> Result<Sourced<T>, DocumentError> {
    match strict::read::<T>(value) {
        Ok(object) if object.meta().name.is_none() => {
            let (path, message) = ("metadata.name".to_owned(), "is required, but missing".to_owned());
            Err(DocumentError { place, path, message })
        }
        Ok(object) => Ok(Sourced { object, place }),
        Err(FieldError { path, message }) => Err(DocumentError { place, path, message }),
    }
}

/// The name, which every document that was read has.
fn own_name(metadata: &ObjectMeta) -> &str {
    metadata.name.as_deref().unwrap_or_default()
}

fn wrong(file: &str, message: String) -> DocumentError {
    DocumentError { place: file.to_owned(), path: String::new(), message }
}

/// Where the text stops being YAML, and why.
fn not_yaml(error: &Error) -> String {
    let error = error.without_snippet();
    let message = match error {
        Error::DuplicateMappingKey { key: Some(key), .. } => format!("the field {key} is there already; keep one"),
        other => UserMessageFormatter.format_message(other).into_owned(),
    };
    match error.location() {
        Some(at) => format!("line {}, column {}: {message}", at.line(), at.column()),
        None => message,
    }
}

/// The candidate that `word` was probably meant to be: at most a third of its letters differ.
pub(crate) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distances = candidates.map(|candidate| (distance(word, candidate), candidate));
    let (distance, candidate) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= word.chars().count().max(3) / 3).then_some(candidate)
}

/// Letters to insert, delete, replace or swap with their neighbour to turn `a` into `b`, whatever
/// their case (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let letters = |text: &str| text.to_lowercase().chars().collect::<Vec<_>>();
    let (a, b) = (letters(a), letters(b));
    // rows[i][j]: the distance between the first i letters of `a` and the first j of `b`.
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = match (i, j) {
                (0, n) | (n, 0) => n,
                _ => {
                    let same = a[i - 1] == b[j - 1];
                    let edited = rows[i - 1][j - 1] + usize::from(!same);
                    let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                    let swapped = if swapped { rows[i - 2][j - 2] + 1 } else { usize::MAX };
                    edited.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(swapped)
                }
            };
        }
    }
    rows[a.len()][b.len()]
}
