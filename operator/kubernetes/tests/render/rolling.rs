//! What a change of the plan changes in the objects, and so which pods it replaces.

use imagejob_kubernetes::render::{Defaults, Objects, labels};
use imagejob_operator::{Plan, Token};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use proptest::prelude::*;

use super::{MINIMAL, SECRETS, TEMPLATES, defaults, planned, rendered, strict_defaults};

fn template(deployment: &Deployment) -> &PodTemplateSpec {
    &deployment.spec.as_ref().unwrap().template
}

/// Which pods are replaced on the way from one to the other: dispatchers, workers.
fn rolled(before: &Objects, after: &Objects) -> (bool, bool) {
    let differs = |before, after| template(before) != template(after);
    (differs(&before.dispatcher, &after.dispatcher), differs(&before.worker, &after.worker))
}

#[test]
fn only_who_reads_what_changed_is_replaced() {
    let plan = planned(SECRETS, 3);
    let job = |from: &str, to: &str| planned(&SECRETS.replace(from, to), 3);
    // what changed, and whether dispatchers and workers are replaced
    let table = vec![
        ("nothing", plan.clone(), (false, false)),
        ("the number of workers", Plan { workers: 400, ..plan.clone() }, (false, false)),
        (
            "the rate limit",
            job("timeoutSeconds: 30", "timeoutSeconds: 30, rateLimit: {recordsPerSecond: 500}"),
            (false, false),
        ),
        ("where results go", job("topic: out", "topic: other"), (false, true)),
        ("when records are given up", job("delivery:", "retry: {maxAttempts: 9}\n  delivery:"), (true, false)),
        ("the token", Plan { token: Token::new("another"), ..plan.clone() }, (true, true)),
        ("the brokers' Secret", job("kafka-user", "kafka-other"), (true, true)),
        ("the store's Secret", job("oss-reader", "s3-other"), (false, true)),
        ("how long a photo may take", job("timeoutSeconds: 30", "timeoutSeconds: 31"), (false, true)),
    ];
    let before = rendered(&plan, &defaults());
    for (change, after, expected) in table {
        assert_eq!(rolled(&before, &rendered(&after, &defaults())), expected, "{change}");
    }
}

#[test]
fn a_template_rolls_the_pods_that_it_is_for() {
    let before = planned(TEMPLATES, 1);
    for (from, to, expected) in
        [("priorityClassName: photos", "priorityClassName: later", (true, false)), ("250m", "500m", (false, true))]
    {
        let after = planned(&TEMPLATES.replace(from, to), 1);
        assert_ne!(before.hash(), after.hash(), "{to}");
        assert_eq!(rolled(&rendered(&before, &defaults()), &rendered(&after, &defaults())), expected, "{to}");
    }
}

#[test]
fn other_defaults_are_another_rendering_of_the_same_plan() {
    let rendering = |defaults: &Defaults| {
        let objects = rendered(&planned(MINIMAL, 3), defaults);
        let of = |deployment: Deployment| deployment.metadata.annotations.unwrap()[labels::RENDERING].clone();
        let (dispatcher, worker) = (of(objects.dispatcher), of(objects.worker));
        assert_eq!(dispatcher, worker);
        worker
    };
    assert_eq!(rendering(&defaults()), rendering(&defaults()));
    assert_ne!(rendering(&defaults()), rendering(&strict_defaults()));
    let newer = Defaults { worker_image: "imagejob-worker:newer".to_owned(), ..defaults() };
    assert_ne!(rendering(&defaults()), rendering(&newer), "a new image is applied although the plan is the same");
}

/// The objects with the number of workers, and what stands for it, taken out.
fn without_the_number_of_workers(mut objects: Objects) -> Objects {
    let annotations = objects.worker.metadata.annotations.as_mut().unwrap();
    annotations.remove(labels::PLAN).unwrap();
    annotations.remove(labels::REPLICAS).unwrap();
    objects.worker.spec.as_mut().unwrap().replicas.take().unwrap();
    objects
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn scaling_changes_one_number_and_what_stands_for_it(one in 0..=7_000_u32, other in 0..=7_000_u32) {
        let objects = |workers| rendered(&planned(SECRETS, workers), &defaults());
        prop_assert_eq!(objects(one), objects(one), "the same plan is rendered alike");
        prop_assert_eq!(one == other, objects(one).worker.metadata == objects(other).worker.metadata);
        prop_assert_eq!(without_the_number_of_workers(objects(one)), without_the_number_of_workers(objects(other)));
    }
}
