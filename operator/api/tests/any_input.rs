//! Whatever is written, the answer is an object that is valid or a list of single sentences.

#![allow(clippy::unwrap_used)]

mod any_value;

use imagejob_api::document::Documents;
use imagejob_api::validate;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::Value;

use any_value::{places, values};

const FULL: &str = include_str!("full.yaml");

/// What is wrong, as printed; empty for a job that is valid.
fn complaints(files: [(&str, &str); 2]) -> Vec<String> {
    let [job, policy] = files;
    let dates = FULL.rsplit("---\n").next().unwrap();
    let documents = match Documents::read([job, policy, ("dates.yaml", dates)]) {
        Ok(documents) => documents,
        Err(errors) => return errors.iter().map(ToString::to_string).collect(),
    };
    let Ok(job) = documents.job(None) else { return Vec::new() };
    let reference = job.object.spec.scaling.policy_ref.as_ref();
    let policy = reference.and_then(|reference| documents.policy(&reference.name)).map(|policy| &policy.object);
    match validate(&job.object, policy, Timestamp::UNIX_EPOCH) {
        Ok(valid) => {
            assert!(valid.scaling.min_replicas <= valid.scaling.max_replicas);
            Vec::new()
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            problems.iter().map(|problem| documents.locate(problem).to_string()).collect()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_value_in_any_place_is_taken_or_told_in_one_line(
        policy in any::<bool>(),
        place in any::<prop::sample::Index>(),
        value in values(),
    ) {
        let mut documents: Vec<Value> = serde_saphyr::from_multiple(FULL).unwrap();
        let mut found = Vec::new();
        places(&documents[usize::from(policy)], "", &mut found);
        let place = place.get(&found);
        *documents[usize::from(policy)].pointer_mut(place).unwrap() = value.clone();
        let (job, policy) = (documents[0].to_string(), documents[1].to_string());
        for line in complaints([("job.yaml", &job), ("policy.yaml", &policy)]) {
            prop_assert!(line.starts_with("job.yaml: ") || line.starts_with("policy.yaml: "), "{place} = {value}: {line}");
            prop_assert!(!line.contains('\n') && !line.ends_with(['.', ' ']), "{place} = {value}: {line}");
        }
    }

    #[test]
    fn any_text_is_taken_or_told_in_one_line(text in "(\\PC|\n|[ :\\-\\[\\]{}&*!|>'\"#]){0,60}") {
        for line in complaints([("job.yaml", &text), ("policy.yaml", &text)]) {
            prop_assert!(!line.contains('\n'), "{text:?}: {line}");
        }
    }
}
