//! Whose jobs a policy admits.

use std::collections::BTreeMap;

use crate::object::NamespacedName;
use crate::policy::ScalePolicy;
use crate::validate::problem::{InvalidReason, Problem, Subject};

/// Why a policy does not admit a job whose namespace has these labels; none if it does. Labels that are not known
/// admit nobody.
pub fn not_admitted(
    policy: &ScalePolicy,
    job: &NamespacedName,
    labels: Option<&BTreeMap<String, String>>,
) -> Option<Problem> {
    let allowed = policy.spec.allowed_namespaces.as_ref()?;
    let has = |(key, value): &(&String, &String)| labels.and_then(|labels| labels.get(*key)) == Some(*value);
    let (key, value) = allowed.match_labels.iter().find(|label| !has(label))?;
    let (name, namespace) = (policy.metadata.name.as_deref().unwrap_or_default(), &job.namespace);
    let message = format!(
        "ScalePolicy {name:?} is for namespaces with the label {key}={value}, which {namespace} does not have; name another \
         policy, or ask its owner"
    );
    Some(Problem {
        subject: Subject::ImageJob(job.clone()),
        path: "spec.scaling.policyRef.name".to_owned(),
        reason: InvalidReason::NamespaceNotAllowed,
        message,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::policy::{AllowedNamespaces, ScalePolicySpec};

    #[test]
    fn a_namespace_needs_every_label() {
        let labels = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let match_labels = labels(&[("team", "media"), ("tier", "prod")]);
        let spec = ScalePolicySpec {
            allowed_namespaces: Some(AllowedNamespaces { match_labels }),
            ..ScalePolicySpec::default()
        };
        let policy = ScalePolicy::new("peaks", spec);
        let job = NamespacedName { namespace: "shop".to_owned(), name: "posters".to_owned() };
        let says = |labels: Option<&BTreeMap<String, String>>| {
            not_admitted(&policy, &job, labels).map(|problem| problem.message)
        };
        assert_eq!(says(Some(&labels(&[("team", "media"), ("tier", "prod"), ("more", "")]))), None);
        for (pairs, missing) in [
            (vec![("team", "media"), ("tier", "test")], "tier=prod"),
            (vec![("tier", "prod")], "team=media"),
            (vec![], "team=media"),
        ] {
            let said = says(Some(&labels(&pairs))).unwrap();
            assert!(said.contains(&format!("the label {missing}, which shop does not have")), "{said}");
        }
        assert!(says(None).is_some());
        assert_eq!(not_admitted(&ScalePolicy::new("all", ScalePolicySpec::default()), &job, None), None);
    }
}
