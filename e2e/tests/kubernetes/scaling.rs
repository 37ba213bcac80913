//! Workers come and go: for a burst, for a profile, for an edited policy, by order.

use std::time::Duration;

use imagejob_e2e::kube::World;
use imagejob_e2e::kube::kubectl::eventually;
use imagejob_e2e::kube::world::JOB;
use imagejob_e2e::wait;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::stand::{SOON, stand};

/// More workers than partitions while records wait, none when all is done.
#[test]
fn m1_a_burst_makes_more_workers_than_partitions_and_then_none() {
    let world = stand().world("burst", 3);
    world.apply(&world.job()).unwrap();
    world.wait_condition(SOON, "Ready", "True", "Working");
    world.produce(6_000).unwrap();
    let most = eventually(SOON, "more workers than partitions", || {
        let workers = world.pods("worker")?.len();
        anyhow::ensure!(workers > 3, "{workers} workers");
        Ok(Some(workers))
    });
    println!("burst: {most} workers on 3 partitions");
    world.wait_ended(6_000);
    world.wait_workers(SOON + SOON, "no worker is left", |workers| workers == 0);
    let account = world.close().unwrap();
    assert!(account.is_sound() && account.duplicates == 0, "{account}");
}

/// F2: workers are asked for so early that they are there when the window opens (6 s by the first
/// guess), and are released when it closes, to the second.
#[test]
fn f2_a_profile_raises_and_drops_the_floor_on_time() {
    let world = stand().world("profile", 1);
    let zone = jiff::tz::TimeZone::get("Asia/Shanghai").unwrap();
    // Whole seconds, because profiles know no smaller unit.
    let now = Timestamp::from_second(wait::wall_clock().as_second()).unwrap();
    let (opens, closes) = (now + SignedDuration::from_secs(25), now + SignedDuration::from_secs(40));
    let clock = |at: Timestamp| at.to_zoned(zone.clone()).time().to_string();
    let policy = Policy::new(
        &world,
        &json!({
            "timeZone": "Asia/Shanghai",
            "profiles": [{"name": "peak", "from": clock(opens), "to": clock(closes), "floor": 3}],
            "behavior": {"scaleDownStabilizationSeconds": 1},
        }),
    );
    world.apply(&policy.job(&world)).unwrap();
    world.wait_condition(SOON, "Ready", "True", "Working");

    let raised = replicas_become(&world, 3);
    let dropped = replicas_become(&world, 0);
    let late = |at: Timestamp, due: Timestamp| at.duration_since(due).as_secs_f64();
    let (raise, drop) = (late(raised, opens), late(dropped, closes));
    println!("F2 floor raised {raise:.1} s and dropped {drop:.1} s after its boundary");
    assert!((-20.0..=0.0).contains(&raise), "raised {raise:.1} s after the window opened");
    assert!((0.0..=2.0).contains(&drop), "dropped {drop:.1} s after the window closed; the window of need is 1 s");
}

/// Admins tune a policy; nobody touches the job.
#[test]
fn an_edited_policy_takes_effect_without_touching_the_job() {
    let world = stand().world("edited", 1);
    let policy = Policy::new(&world, &json!({"minReplicas": 0, "maxReplicas": 5}));
    world.apply(&policy.job(&world)).unwrap();
    world.wait_condition(SOON, "Ready", "True", "Working");
    let generation =
        || world.kube.get("edited", &format!("imagejob/{JOB}")).unwrap().unwrap()["metadata"]["generation"].clone();
    let before = generation();
    world.kube.patch("", &policy.object(), &json!({"spec": {"minReplicas": 2}})).unwrap();
    world.wait_workers(SOON, "2 workers", |workers| workers == 2);
    world.kube.patch("", &policy.object(), &json!({"spec": {"minReplicas": 0, "maxReplicas": 1}})).unwrap();
    world.wait_workers(SOON + SOON, "no worker", |workers| workers == 0);
    assert_eq!(generation(), before, "the job is as it was");
}

/// A suspended job leases nothing and keeps its place; resumed, it goes on.
#[test]
fn a_suspended_job_keeps_one_dispatcher_and_its_place() {
    let world = stand().world("suspended", 3);
    let mut job = world.job();
    job["spec"]["suspend"] = json!(true);
    world.apply(&job).unwrap();
    let sentence = world.wait_condition(SOON, "Ready", "True", "Suspended");
    println!("suspended: {sentence}");
    world.produce(20).unwrap();
    // Numbers of a status are at most a minute old.
    eventually(SOON + SOON, "the lag is seen", || Ok((world.status()?["lag"]["waiting"] == 20).then_some(())));
    assert_eq!((world.pods("worker").unwrap().len(), world.pods("dispatcher").unwrap().len()), (0, 1));
    assert_eq!(world.ended().unwrap(), 0);
    world.kube.patch("suspended", &format!("imagejob/{JOB}"), &json!({"spec": {"suspend": false}})).unwrap();
    world.wait_ended(20);
    let account = world.close().unwrap();
    assert!(account.is_sound() && account.duplicates == 0, "{account}");
}

/// An override holds its count until it expires, and then the computed count rules again.
#[test]
fn an_override_holds_until_it_expires() {
    let world = stand().world("overridden", 1);
    let mut job = world.job();
    let until = wait::wall_clock() + SignedDuration::from_secs(30);
    job["spec"]["scaling"]["override"] = json!({"replicas": 3, "until": until.to_string()});
    world.apply(&job).unwrap();
    replicas_become(&world, 3);
    assert!(wait::wall_clock() < until, "the count is there before the override expires");
    let released = replicas_become(&world, 0);
    assert!(released >= until, "released {released}, but it holds until {until}");
}

/// Dates from a ConfigMap, namespaces by label, a status with the days to come; and somebody else at the same field.
#[test]
fn a_policy_says_what_it_does_and_who_else_meddles_is_named() {
    let world = stand().world("shared", 1);
    let today = wait::wall_clock().to_zoned(jiff::tz::TimeZone::UTC).date();
    let dates = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "calendars", "namespace": world.namespace},
        "data": {"exams": format!("{today}/{}  # two days, for who works at midnight", today.tomorrow().unwrap())},
    });
    let policy = Policy::new(
        &world,
        &json!({
            "profiles": [{"name": "exams", "yearly": ["02-29"], "floor": 2}],
            "calendars": [{
                "name": "dates",
                "configMapRef": {"namespace": world.namespace, "name": "calendars", "key": "exams"},
            }],
            "exceptions": [{"calendar": "dates", "use": ["exams"]}],
            "maxReplicasPerNamespace": 3,
            "budget": {"podHoursPerDay": 1000},
            "allowedNamespaces": {"matchLabels": {"team": "exams"}},
        }),
    );
    world.apply(&policy.job(&world)).unwrap();
    let sentence = world.wait_condition(SOON, "Stalled", "True", "NamespaceNotAllowed");
    println!("{sentence}");
    world
        .kube
        .patch("", &format!("namespace/{}", world.namespace), &json!({"metadata": {"labels": {"team": "exams"}}}))
        .unwrap();
    world.wait_condition(SOON + SOON, "Stalled", "True", "CalendarMissing");
    world.kube.apply(&dates.to_string()).unwrap();
    world.wait_workers(SOON + SOON, "the floor of today", |workers| workers == 2);
    let told = eventually(SOON, "the policy knows its job", || {
        let told = world.kube.get("", &policy.object())?.unwrap_or_default()["status"].clone();
        Ok((told["jobs"] == 1 && told["conditions"][0]["reason"] == "Valid").then_some(told))
    });
    println!("{told:#}");
    assert!(told["transitions"].as_array().is_some_and(|transitions| !transitions.is_empty()), "{told:#}");
    let spent = |status: &Value| status["spent"]["podSeconds"].as_u64().unwrap_or(0);
    eventually(SOON + SOON, "what is spent is written", || Ok((spent(&world.status()?) > 0).then_some(())));

    let deployment = format!("deployment/{JOB}-worker");
    world.kube.run(&["scale", &deployment, "--replicas=5", "-n", &world.namespace]).unwrap();
    let sentence = world.wait_condition(SOON, "Reconciling", "True", "FieldContested");
    assert!(sentence.starts_with("kubectl set the workers to 5, which was taken back; use spec.scaling"), "{sentence}");
    replicas_become(&world, 2);
}

/// When the worker Deployment was first seen to want this many.
fn replicas_become(world: &World<'_>, wanted: u32) -> Timestamp {
    let limit = SOON + Duration::from_mins(1);
    eventually(limit, &format!("{wanted} workers wanted"), || {
        let deployment = world.kube.get(&world.namespace, &format!("deployment/{JOB}-worker"))?.unwrap_or_default();
        let replicas = &deployment["spec"]["replicas"];
        anyhow::ensure!(*replicas == wanted, "{replicas} are wanted");
        Ok(Some(wait::wall_clock()))
    })
}

/// A policy that is deleted with its story.
struct Policy<'a> {
    world: &'a World<'a>,
    name: String,
}

impl<'a> Policy<'a> {
    fn new(world: &'a World<'a>, spec: &Value) -> Self {
        let name = world.namespace.clone();
        let policy = json!({"apiVersion": "imagejob.dev/v1alpha1", "kind": "ScalePolicy", "metadata": {"name": name}, "spec": spec});
        world.kube.apply(&policy.to_string()).unwrap();
        Self { world, name }
    }

    fn object(&self) -> String {
        format!("scalepolicy/{}", self.name)
    }

    fn job(&self, world: &World<'_>) -> Value {
        let mut job = world.job();
        job["spec"]["scaling"] = json!({"policyRef": {"name": self.name}});
        job
    }
}

impl Drop for Policy<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.world.kube.run(&["delete", &self.object(), "--wait=false"]) {
            eprintln!("{} is left behind: {error:#}", self.object());
        }
    }
}
