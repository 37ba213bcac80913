//! Two jobs, one after the other: the results of the first are the photos of the second.

use imagejob_e2e::account::{Account, Outcome};
use imagejob_e2e::kube::World;
use imagejob_e2e::kube::kubectl::eventually;
use imagejob_e2e::kube::world::JOB;
use imagejob_e2e::{topics, wait};
use rdkafka::Message as _;
use serde_json::{Value, json};

use crate::stand::{SOON, stand};

/// Enough for more workers than one, few enough for two slots of the second.
const PHOTOS: usize = 240;

/// F5, F11: the first job, of small pods, sorts photos by what it found; the second, of larger ones with bounds of
/// their own, looks at those that are worth it. Sharp photos go on, the others are results of the first.
#[test]
fn f5_a_second_job_of_another_size_takes_what_the_first_lets_through() {
    let world = stand().world("stages", 3);
    let (sharp, last) = ("stages-sharp".to_owned(), "stages-last".to_owned());
    for topic in [&sharp, &last] {
        world.create_topic(topic, 2).unwrap();
    }
    let mut first = world.job();
    first["spec"]["results"]["routes"] = json!([{"when": "quality.verdict", "equals": "Good", "topic": sharp}]);
    let mut second = world.job();
    second["metadata"]["name"] = json!("second");
    second["spec"]["source"]["kafka"]["topics"] = json!([sharp]);
    second["spec"]["variables"] = json!({"first": "/steps/quality/verdict"});
    second["spec"]["steps"] = json!([{"name": "again", "quality": {}}]);
    second["spec"]["results"] = json!({"topic": last, "copy": ["/steps/quality/verdict"]});
    second["spec"]["deadLetter"] = json!({"topic": "stages-second.dlq"});
    second["spec"]["delivery"] = json!({"slots": 1});
    second["spec"]["scaling"] = json!({"minReplicas": 1, "maxReplicas": 4, "waitSeconds": 30});
    second["spec"]["worker"]["template"]["spec"]["containers"][0]["resources"] =
        json!({"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "768Mi"}});
    world.create_topic("stages-second.dlq", 1).unwrap();
    world.apply(&first).unwrap();
    world.apply(&second).unwrap();
    world.wait_condition(SOON, "Ready", "True", "Working");
    world.produce(PHOTOS).unwrap();

    // Each photo is a result of the first, here or there; what went there is a result of the second.
    let count = |topic: &str| world.topics.count(topic).unwrap_or_default();
    let ended = || (count(&world.results()) + count(&sharp), count(&last));
    wait::until(
        SOON + SOON,
        || format!("{:?} of {PHOTOS} and {} ended", ended(), count(&sharp)),
        || {
            let (of_first, of_second) = ended();
            of_first >= PHOTOS && of_second >= count(&sharp)
        },
    );
    let group = format!("stages.{JOB}");
    let (rest, through) = (outcomes(&world, &world.results()), outcomes(&world, &sharp));
    let (kept, gone) = (rest.len(), through.len());
    println!("stages: {kept} results of the first stay, {gone} go on");
    assert!(kept > 0 && gone > 0, "both kinds are among the photos");
    let ends = world.topics.ends(&world.source()).unwrap();
    eventually(SOON, "the first is committed", || {
        Ok((world.topics.committed(&group, &world.source())? == ends).then_some(()))
    });
    let account = Account::of(&ends, &[rest, through].concat());
    assert!(account.is_sound() && account.duplicates == 0, "{account}");
    let account = Account::of(&world.topics.ends(&sharp).unwrap(), &outcomes(&world, &last));
    assert!(account.is_sound() && account.duplicates == 0, "{account}");

    let bodies = world.topics.read(&last).unwrap();
    for message in &bodies {
        let body: Value = serde_json::from_slice(message.payload().unwrap()).unwrap();
        assert_eq!(body["copied"]["/steps/quality/verdict"], "Good", "{body}");
        assert_eq!(body["steps"]["again"]["verdict"], "Good", "{body}");
    }
    assert_eq!(memory_limit(&world, "second"), "768Mi");
    assert_ne!(memory_limit(&world, JOB), "768Mi");
}

/// The results in a topic.
fn outcomes(world: &World<'_>, topic: &str) -> Vec<Outcome> {
    world.topics.read(topic).unwrap().iter().map(|message| topics::result(message).unwrap()).collect()
}

/// The most memory that a worker of the job may use.
fn memory_limit(world: &World<'_>, job: &str) -> Value {
    let deployment = world.kube.get("stages", &format!("deployment/{job}-worker")).unwrap().unwrap();
    deployment["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"].clone()
}
