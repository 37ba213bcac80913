//! The objects of four jobs, as YAML.

use std::path::Path;

use imagejob_kubernetes::render::Objects;
use serde::Serialize;

use super::{MINIMAL, SECRETS, TEMPLATES, defaults, planned, rendered, strict_defaults};

/// In the order in which they are applied.
fn yaml(objects: &Objects) -> String {
    let mut text = String::new();
    let mut add = |document: String| text.push_str(&format!("---\n{}\n", document.trim_end()));
    add(document(&objects.service_account));
    add(document(&objects.settings));
    add(document(&objects.token));
    add(document(&objects.service));
    add(document(&objects.dispatcher_budget));
    add(document(&objects.worker_budget));
    objects.network_policies.iter().map(document).for_each(&mut add);
    add(document(&objects.dispatcher));
    add(document(&objects.worker));
    text
}

fn document(object: &impl Serialize) -> String {
    serde_saphyr::to_string(object).unwrap()
}

fn assert_golden(name: &str, objects: &Objects) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let text = yaml(objects);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "{}", path.display());
}

#[test]
fn a_job_with_as_little_as_possible() {
    assert_golden("minimal.yaml", &rendered(&planned(MINIMAL, 0), &defaults()));
}

#[test]
fn a_job_that_names_secrets() {
    assert_golden("secrets.yaml", &rendered(&planned(SECRETS, 12), &defaults()));
}

#[test]
fn a_job_where_the_administrator_is_strict() {
    assert_golden("strict.yaml", &rendered(&planned(MINIMAL, 2), &strict_defaults()));
}

#[test]
fn a_job_that_changes_its_pods() {
    assert_golden("templates.yaml", &rendered(&planned(TEMPLATES, 1), &defaults()));
}
