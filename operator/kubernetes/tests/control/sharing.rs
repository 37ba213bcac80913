//! What policies refer to, whom they admit, and what their jobs share.

use std::time::Duration;

use jiff::civil::Date;
use serde_json::json;
use tokio::time::sleep;

use crate::world::{DEPLOYMENTS, MEDIA, POLICIES, World};

const CONFIG_MAPS: &str = "/configmaps";
const NAMESPACES: &str = "/namespaces";

fn refers(world: &World, job: &str) {
    world.edit_job(job, |job| job["spec"]["scaling"]["policyRef"] = json!({"name": "shared"}));
}

#[tokio::test(start_paused = true)]
async fn dates_come_from_a_config_map_and_follow_it() {
    let world = World::new();
    let _operator = world.operator("a");
    let today: Date = world.today();
    world.api.put(POLICIES, "", "shared", |policy| {
        policy["spec"] = json!({
            "profiles": [{"name": "exams", "yearly": ["02-29"], "floor": 3}],
            "calendars": [{"name": "dates", "configMapRef": {"namespace": "imagejob-system", "name": "cn", "key": "exams"}}],
            "exceptions": [{"calendar": "dates", "use": ["exams"]}],
        });
    });
    refers(&world, "posters");
    world.until("there is no such key", |world| world.condition("posters", "Stalled") == "True/CalendarMissing").await;
    world.api.put(CONFIG_MAPS, "imagejob-system", "cn", |map| map["data"] = json!({"exams": "tomorrow"}));
    world.until("no date", |world| world.condition("posters", "Stalled") == "True/InvalidPolicy").await;
    let dates = format!("# holidays\n{today}/{}\n", today.tomorrow().unwrap());
    world.api.put(CONFIG_MAPS, "imagejob-system", "cn", |map| map["data"] = json!({"exams": dates}));
    world.until("the floor holds today", |world| world.workers("posters") == Some(3)).await;
    world.api.put(CONFIG_MAPS, "imagejob-system", "cn", |map| map["data"] = json!({"exams": "2020-01-01"}));
    world.until("another year", |world| world.workers("posters") == Some(0)).await;
    // What is gone holds what runs, and says so.
    world.api.put(CONFIG_MAPS, "imagejob-system", "cn", |map| map["data"] = json!({"exams": dates}));
    world.until("again", |world| world.workers("posters") == Some(3)).await;
    world.api.remove(CONFIG_MAPS, "imagejob-system", "cn");
    world.until("gone", |world| world.condition("posters", "Stalled") == "True/CalendarMissing").await;
    sleep(Duration::from_mins(2)).await;
    assert_eq!(world.workers("posters"), Some(3));
}

#[tokio::test(start_paused = true)]
async fn a_policy_admits_the_namespaces_that_it_names() {
    let world = World::new();
    let _operator = world.operator("a");
    let label = |team: &'static str| {
        world.api.put(NAMESPACES, "", MEDIA, |namespace| namespace["metadata"]["labels"] = json!({"team": team}));
    };
    world.api.put(POLICIES, "", "shared", |policy| {
        policy["spec"] = json!({"minReplicas": 2, "allowedNamespaces": {"matchLabels": {"team": "media"}}});
    });
    refers(&world, "posters");
    let refused = |world: &World| world.condition("posters", "Stalled") == "True/NamespaceNotAllowed";
    world.until("no such label", refused).await;
    label("media");
    world.until("admitted", |world| world.workers("posters") == Some(2)).await;
    label("print");
    world.until("not any more", refused).await;
    assert_eq!(world.workers("posters"), Some(2), "what runs is left as it is");
}

#[tokio::test(start_paused = true)]
async fn jobs_of_a_namespace_share_its_quota_evenly() {
    let world = World::new();
    let _operator = world.operator("a");
    world.api.put(POLICIES, "", "shared", |policy| policy["spec"] = json!({"maxReplicasPerNamespace": 20}));
    for job in ["first", "second"] {
        refers(&world, job);
        world.ready(job).await;
    }
    let count = |world: &World| (world.workers("first").unwrap_or(0), world.workers("second").unwrap_or(0));
    world.waiting("first", 1_000_000);
    world.until("the first has all", |world| count(world) == (20, 0)).await;
    assert_eq!(world.condition("first", "ScalingLimited"), "True/NamespaceQuota");
    world.waiting("second", 1_000_000);
    world.until("half each", |world| count(world) == (10, 10)).await;
    world.waiting("first", 0);
    world.until("the second has what the first left", |world| count(world) == (0, 20)).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_spent_survives_the_operator() {
    let world = World::new();
    let first = world.operator("a");
    world.api.put(POLICIES, "", "shared", |policy| {
        policy["spec"] = json!({"minReplicas": 30, "budget": {"podHoursPerDay": 1, "onExceeded": "Hold"}});
    });
    refers(&world, "posters");
    world.ready("posters").await;
    let spent = |world: &World| world.status("posters")["spent"]["podSeconds"].as_u64().unwrap_or(0);
    world.until("a minute of thirty", |world| spent(world) >= 1_500).await;
    let before = spent(&world);
    first.kill();
    let _second = world.operator("b");
    world.until("it goes on from there", |world| spent(world) > before + 600).await;
    world.until("two minutes of thirty are an hour", |world| spent(world) >= 3_600).await;
    world.waiting("posters", 10_000_000);
    let held = |world: &World| world.condition("posters", "ScalingLimited") == "True/BudgetReached";
    world.until("nothing is added", held).await;
    assert_eq!(world.workers("posters"), Some(30));
}

#[tokio::test(start_paused = true)]
async fn an_autoscaler_that_sets_the_same_field_is_named() {
    let world = World::new();
    let _operator = world.operator("a");
    world.edit_job("posters", |job| job["spec"]["scaling"]["minReplicas"] = json!(2));
    world.until("two run", |world| world.status("posters")["workers"]["ready"] == 2).await;
    world.api.put(DEPLOYMENTS, MEDIA, "posters-worker", |deployment| {
        deployment["spec"]["replicas"] = json!(9);
        let entry = json!({
            "manager": "kube-controller-manager", "operation": "Update", "subresource": "scale",
            "fieldsV1": {"f:spec": {"f:replicas": {}}},
        });
        deployment["metadata"]["managedFields"] = json!([entry]);
    });
    let named = |world: &World| world.condition("posters", "Reconciling") == "True/FieldContested";
    world.until("it is named", named).await;
    world.until("and overruled", |world| world.workers("posters") == Some(2)).await;
    let status = world.status("posters");
    let message = status["conditions"]
        .as_array()
        .unwrap()
        .iter()
        .find_map(|c| (c["type"] == "Reconciling").then(|| c["message"].as_str().unwrap_or_default().to_owned()));
    assert_eq!(
        message.unwrap(),
        "kube-controller-manager set the workers to 9, which was taken back; delete the HorizontalPodAutoscaler or \
         ScaledObject that targets their Deployment"
    );
    world.until("later it is over", |world| world.condition("posters", "Ready") == "True/Working").await;
}

#[tokio::test(start_paused = true)]
async fn a_policy_says_what_it_will_ask_for_and_is_not_written_at_rest() {
    let world = World::new();
    let _operator = world.operator("a");
    world.api.put(POLICIES, "", "shared", |policy| {
        policy["spec"] = json!({
            "timeZone": "Asia/Shanghai",
            "profiles": [{"name": "peak", "days": ["Sat"], "from": "06:00", "to": "08:00", "floor": 4}],
        });
    });
    refers(&world, "posters");
    let status = |world: &World| world.api.find(POLICIES, "", "shared").unwrap()["status"].clone();
    world.until("a job is bound", |world| status(world)["jobs"] == 1).await;
    let told = status(&world);
    assert_eq!(told["conditions"][0]["reason"], "Valid");
    let transitions = told["transitions"].as_array().unwrap();
    // Two Saturdays lie in any fortnight, perhaps a third begins in it.
    assert!((3..=5).contains(&transitions.len()), "{told:#}");
    assert!(transitions[0]["local"].as_str().unwrap().ends_with(":00 Asia/Shanghai"), "{told:#}");
    sleep(Duration::from_mins(2)).await;
    let before = world.writes();
    sleep(Duration::from_mins(30)).await;
    assert_eq!(world.writes(), before);
    world.api.put(POLICIES, "", "shared", |policy| policy["spec"]["timeZone"] = json!("Mars/Olympus"));
    world.until("it says what is wrong", |world| status(world)["conditions"][0]["reason"] == "UnknownTimeZone").await;
    assert!(status(&world)["transitions"].is_null());
}
