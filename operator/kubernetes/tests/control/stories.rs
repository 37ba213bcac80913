//! Named stories, told by the objects that users see.

use std::time::Duration;

use imagejob_api::NamespacedName;
use imagejob_kubernetes::watches::Scope;
use k8s_openapi::ByteString;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::api::Faults;
use crate::world::{DEPLOYMENTS, EVENTS, JOBS, MEDIA, PODS, POLICIES, World};

#[tokio::test(start_paused = true)]
async fn a_job_becomes_objects_pods_become_ready_and_then_nothing_is_written() {
    let world = World::new();
    let operator = world.operator("a");
    world.apply_job("posters");
    world.ready("posters").await;
    let kinds =
        ["/serviceaccounts", "/configmaps", "/secrets", "/services", "policy/poddisruptionbudgets", DEPLOYMENTS];
    for kind in kinds {
        assert!(!world.api.all(kind).is_empty(), "{kind}");
    }
    assert_eq!(world.workers("posters"), Some(0));
    // Numbers that were due are written within a minute; then there is rest.
    sleep(Duration::from_secs(70)).await;
    let before = world.writes();
    sleep(Duration::from_mins(10)).await;
    assert_eq!(world.writes(), before);
    operator.stop().await;
    assert_eq!(world.leader(), None, "the lease was released");
}

#[tokio::test(start_paused = true)]
async fn scaling_is_one_write() {
    let world = World::new();
    let _operator = world.operator("a");
    world.apply_job("posters");
    world.ready("posters").await;
    sleep(Duration::from_secs(70)).await;
    let before = world.writes().len();
    world.waiting("posters", 3_000);
    world.until("there are workers", |world| world.workers("posters") > Some(0)).await;
    let deployments: Vec<String> =
        world.writes().split_off(before).into_iter().filter(|write| !write.contains("status")).collect();
    assert_eq!(deployments, ["patch deployments posters-worker"]);
    world.until("workers are ready", |world| world.status("posters")["workers"]["ready"].as_u64() > Some(0)).await;
    world.waiting("posters", 0);
    world.until("back to zero", |world| world.workers("posters") == Some(0)).await;
    let events = world.api.all(EVENTS);
    let notes: Vec<&str> = events.iter().filter_map(|event| event["note"].as_str()).collect();
    assert!(
        notes.iter().any(|note| note.starts_with("from 0 to ") && note.contains("3,000 records wait")),
        "{notes:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_lags_behind_causes_no_second_write() {
    let world = World::new();
    world.api.set_faults(Faults { watch_delay: Duration::from_secs(5), ..Faults::default() });
    let _operator = world.operator("a");
    world.apply_job("posters");
    world.until("the workers' Deployment", |world| world.workers("posters").is_some()).await;
    sleep(Duration::from_secs(30)).await;
    let writes = world.writes();
    let times = |what: &str| writes.iter().filter(|write| *write == what).count();
    assert_eq!(times("patch services posters-dispatcher"), 1, "{writes:#?}");
    // Once at first, and once when the partition is known, of which there is one for two dispatchers.
    assert_eq!(times("patch deployments posters-dispatcher"), 2, "{writes:#?}");
    assert_eq!(times("patch deployments posters-worker"), 2, "{writes:#?}");
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_scaling_is_undone() {
    let world = World::new();
    let _operator = world.operator("a");
    world.apply_job("posters");
    world.ready("posters").await;
    sleep(Duration::from_mins(1)).await;
    world.api.put(DEPLOYMENTS, MEDIA, "posters-worker", |deployment| deployment["spec"]["replicas"] = json!(7));
    // Seven ran, none is needed: they leave after a window without need.
    world.until("back to zero", |world| world.workers("posters") == Some(0)).await;
    world.api.remove(DEPLOYMENTS, MEDIA, "posters-dispatcher");
    world
        .until("dispatchers are back", |world| world.api.find(DEPLOYMENTS, MEDIA, "posters-dispatcher").is_some())
        .await;
}

#[tokio::test(start_paused = true)]
async fn lost_replies_refusals_and_conflicts_are_repeated_until_it_is_true() {
    let world = World::new();
    let _operator = world.operator("a");
    for (name, faults) in [
        ("lost", Faults { replies_lost: true, ..Faults::default() }),
        ("conflict", Faults { failing: Some((409, 5)), ..Faults::default() }),
        ("overload", Faults { failing: Some((503, 5)), ..Faults::default() }),
        ("throttled", Faults { failing: Some((429, 5)), ..Faults::default() }),
        ("forbidden", Faults { failing: Some((403, 5)), ..Faults::default() }),
    ] {
        world.until("somebody leads", |world| world.leader().is_some()).await;
        world.api.set_faults(faults);
        world.apply_job(name);
        sleep(Duration::from_secs(8)).await;
        world.api.set_faults(Faults::default());
        world.ready(name).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_api_server_refuses_stalls_and_says_why() {
    let world = World::new();
    let _operator = world.operator("a");
    world.apply_job("other");
    world.ready("other").await;
    // One refusal: the first write of the job. Its status gets through.
    world.api.set_faults(Faults { failing: Some((422, 1)), ..Faults::default() });
    world.apply_job("posters");
    world.until("stalled", |world| world.condition("posters", "Stalled") == "True/ClusterRefused").await;
    world.ready("posters").await;
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_is_away_for_a_minute_changes_nothing_that_runs() {
    let world = World::new();
    let _operator = world.operator("a");
    world.apply_job("posters");
    world.ready("posters").await;
    world.waiting("posters", 30);
    world.until("there are workers", |world| world.workers("posters") > Some(0)).await;
    let before = world.workers("posters");
    world.api.set_faults(Faults { down: true, ..Faults::default() });
    sleep(Duration::from_mins(1)).await;
    world.waiting("posters", 3_000);
    world.api.set_faults(Faults::default());
    world.until("it leads again and scales", |world| world.workers("posters") > before).await;
}

#[tokio::test(start_paused = true)]
async fn of_two_operators_one_leads_and_the_other_takes_over_without_a_change() {
    let world = World::new();
    let first = world.operator("a");
    world.until("a leads", |world| world.leader().as_deref() == Some("a")).await;
    let second = world.operator("b");
    world.apply_job("posters");
    world.ready("posters").await;
    world.waiting("posters", 3_000);
    world.until("there are workers", |world| world.workers("posters") > Some(0)).await;
    sleep(Duration::from_mins(1)).await;
    let (before, writes) = (world.workers("posters"), world.writes());

    first.kill();
    world.until("b leads", |world| world.leader().as_deref() == Some("b")).await;
    sleep(Duration::from_mins(1)).await;
    assert_eq!(world.workers("posters"), before);
    let more = world.writes().split_off(writes.len());
    // The decision's reason is another for a while: a new leader does not know what was needed before.
    let allowed = more.len() <= 1 && more.iter().all(|write| write == "patch imagejobs/status posters");
    assert!(allowed, "a takeover is no change: {more:?}");
    assert_eq!(world.condition("posters", "Ready"), "True/Working");

    let third = world.operator("c");
    sleep(Duration::from_secs(10)).await;
    second.stop().await;
    sleep(Duration::from_millis(1_500)).await;
    assert_eq!(world.leader().as_deref(), Some("c"), "a lease that is released is free at once");
    third.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_dispatcher_that_is_silent_during_a_takeover_shrinks_nothing() {
    let world = World::new();
    let first = world.operator("a");
    world.apply_job("posters");
    world.ready("posters").await;
    world.waiting("posters", 3_000);
    world.until("there are workers", |world| world.workers("posters") > Some(0)).await;
    let before = world.workers("posters");
    for address in world.dispatchers("posters") {
        world.topic.silence(&address, true);
    }
    first.kill();
    let _second = world.operator("b");
    sleep(Duration::from_mins(2)).await;
    assert_eq!(world.workers("posters"), before);
    assert_eq!(world.condition("posters", "ScalingActive"), "False/LagUnknown");
}

#[tokio::test(start_paused = true)]
async fn an_object_that_cannot_be_read_stalls_itself_and_nothing_else() {
    let world = World::new();
    let _operator = world.operator("a");
    world.apply_job("good");
    world.edit_job("bad", |job| job["spec"]["steps"] = json!("quality"));
    world.until("bad is stalled", |world| world.condition("bad", "Stalled") == "True/InvalidSpec").await;
    world.ready("good").await;
    sleep(Duration::from_mins(2)).await;
    let told = world.writes().iter().filter(|write| *write == "patch imagejobs/status bad").count();
    assert_eq!(told, 1, "said once");
    world.edit_job("bad", |job| job["spec"]["steps"] = json!([{"name": "quality", "quality": {}}]));
    world.ready("bad").await;

    world.edit_job("good", |job| job["spec"]["scaling"]["policyRef"] = json!({"name": "weekend"}));
    world.until("no such policy", |world| world.condition("good", "Stalled") == "True/PolicyNotFound").await;
    world.api.put(POLICIES, "", "weekend", |policy| policy["spec"] = json!({"maxReplicas": "forty"}));
    world.until("unreadable policy", |world| world.condition("good", "Stalled") == "True/InvalidPolicy").await;
    world.api.put(POLICIES, "", "weekend", |policy| policy["spec"] = json!({"maxReplicas": 40, "minReplicas": 2}));
    world.until("the policy holds", |world| world.workers("good") == Some(2)).await;
    world.api.put(POLICIES, "", "weekend", |policy| policy["spec"] = json!({"maxReplicas": 40, "minReplicas": 3}));
    world.until("an edit takes effect without touching the job", |world| world.workers("good") == Some(3)).await;
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_deleted_leaves_nothing_and_its_successor_is_another() {
    let world = World::new();
    let _operator = world.operator("a");
    world.apply_job("posters");
    world.ready("posters").await;
    let token = world.api.find("/secrets", MEDIA, "posters-token").unwrap()["data"].clone();
    world.api.remove(JOBS, MEDIA, "posters");
    sleep(Duration::from_mins(1)).await;
    for kind in [DEPLOYMENTS, PODS, "/configmaps", "/services"] {
        assert_eq!(world.api.all(kind), Vec::<serde_json::Value>::new(), "{kind}");
    }
    world.apply_job("posters");
    world.ready("posters").await;
    assert_ne!(world.api.find("/secrets", MEDIA, "posters-token").unwrap()["data"], token);
}

#[tokio::test(start_paused = true)]
async fn only_the_watched_namespaces_are_touched() {
    let world = World::new();
    let _operator = world.operator_in("a", Scope::of(["media".to_owned(), "print".to_owned()]));
    for namespace in ["media", "print", "foreign"] {
        world.edit_job_in(namespace, "posters", |_| {});
    }
    world.until("both run", |world| world.api.all(DEPLOYMENTS).len() == 4).await;
    sleep(Duration::from_secs(30)).await;
    assert!(world.api.all(DEPLOYMENTS).iter().all(|deployment| deployment["metadata"]["namespace"] != "foreign"));
}

#[tokio::test(start_paused = true)]
async fn an_image_that_does_not_exist_is_named() {
    let world = World::new();
    let _operator = world.operator("a");
    world.apply_job("posters");
    world.until("a dispatcher pod", |world| !world.api.all(PODS).is_empty()).await;
    let pod = world.api.all(PODS)[0]["metadata"]["name"].as_str().unwrap().to_owned();
    world.api.put(PODS, MEDIA, &pod, |pod| {
        pod["status"] = json!({"containerStatuses": [{
            "name": "dispatcher", "image": "registry/nothing:1", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"waiting": {"reason": "ImagePullBackOff", "message": "manifest unknown"}},
        }]});
    });
    world.until("said", |world| world.condition("posters", "Ready") == "False/ImageMissing").await;
    let text = world.status("posters").to_string();
    assert!(text.contains(&format!("pod {pod} cannot get image registry/nothing:1: manifest unknown")), "{text}");
}

#[tokio::test(start_paused = true)]
async fn watches_that_break_are_taken_up_where_they_were() {
    let world = World::new();
    let _operator = world.operator("a");
    world.apply_job("posters");
    world.ready("posters").await;
    world.api.break_watches();
    world.apply_job("pages");
    world.ready("pages").await;
}

#[tokio::test(start_paused = true)]
async fn a_profile_raises_the_floor_and_lets_it_go_and_says_so() {
    let world = World::new();
    let _operator = world.operator("a");
    // The world begins at noon on a Friday.
    let profile =
        json!({"name": "lunch", "days": ["Fri"], "from": "12:02", "to": "12:04", "timeZone": "UTC", "floor": 4});
    world.edit_job("posters", |job| job["spec"]["scaling"]["profiles"] = json!([profile]));
    world.ready("posters").await;
    assert_eq!(world.workers("posters"), Some(0));
    world.until("the floor", |world| world.workers("posters") == Some(4)).await;
    sleep(Duration::from_mins(1)).await;
    world.until("its end", |world| world.workers("posters") == Some(0)).await;
    let events = world.api.all(EVENTS);
    let reasons: Vec<&str> = events.iter().filter_map(|event| event["reason"].as_str()).collect();
    for reason in ["ProfileStarted", "ScaledUp", "ProfileEnded", "ScaledDown"] {
        assert!(reasons.contains(&reason), "{reason} in {reasons:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_suspended_job_has_no_workers_whatever_waits() {
    let world = World::new();
    let _operator = world.operator("a");
    world.apply_job("posters");
    world.ready("posters").await;
    world.waiting("posters", 3_000);
    world.until("there are workers", |world| world.workers("posters") > Some(0)).await;
    world.edit_job("posters", |job| job["spec"]["suspend"] = json!(true));
    world.until("none", |world| world.workers("posters") == Some(0)).await;
    sleep(Duration::from_mins(1)).await;
    assert_eq!(world.workers("posters"), Some(0));
    assert_eq!(world.condition("posters", "Ready"), "True/Suspended");
    world.edit_job("posters", |job| job["spec"]["suspend"] = json!(false));
    world.until("there are workers again", |world| world.workers("posters") > Some(0)).await;
}

#[tokio::test(start_paused = true)]
async fn many_jobs_at_once_come_true_although_the_leader_changes() {
    let world = World::new();
    let names: Vec<String> = (0..60).map(|number| format!("job-{number}")).collect();
    for name in &names {
        world.apply_job(name);
    }
    // Each write takes half a second: sixteen jobs at once need 4 s, and a reign lasts less than twice that.
    world.api.set_faults(Faults { write_delay: Duration::from_millis(500), ..Faults::default() });
    let mut number = 0;
    while names.iter().any(|name| world.workers(name).is_none()) {
        number += 1;
        assert!(number < 20, "reigns that come to nothing");
        let operator = world.operator(&format!("operator-{number}"));
        sleep(Duration::from_secs(12)).await;
        operator.kill();
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_learned_is_in_a_config_map_that_the_next_operator_reads() {
    let world = World::new();
    let first = world.operator("a");
    world.apply_job("posters");
    world.ready("posters").await;
    world.topic.come(&world.dispatchers("posters")[0], 100);
    sleep(Duration::from_mins(80)).await;
    let kept = |world: &World| world.api.find("/configmaps", MEDIA, "posters-learned");
    let map = kept(&world).expect("an hour after the first records");
    assert_eq!(map["metadata"]["ownerReferences"][0]["kind"], "ImageJob");
    let text = map["binaryData"]["season"].as_str().unwrap().to_owned();
    assert!((21_000..22_000).contains(&text.len()), "16 kB in Base64: {}", text.len());
    assert_eq!(world.status("posters")["learning"]["weeks"], 1);

    // Whoever takes over writes nothing before it has read that, and goes on with it.
    first.stop().await;
    let _second = world.operator("b");
    world.until("the next leads", |world| world.leader().is_some_and(|leader| leader.starts_with('b'))).await;
    sleep(Duration::from_mins(5)).await;
    assert_eq!(kept(&world).map(|map| map["binaryData"]["season"].as_str() == Some(&text)), Some(true));
    sleep(Duration::from_mins(70)).await;
    let later = kept(&world).unwrap()["binaryData"]["season"].as_str().unwrap().to_owned();
    assert_ne!(later, text);
    let known = |text: &str| {
        let bytes: ByteString = serde_json::from_value(json!(text)).unwrap();
        bytes.0.iter().skip(5).filter(|level| **level > 1).count()
    };
    assert!(known(&later) > known(&text) && known(&text) >= 12, "{} and {} slots", known(&text), known(&later));

    // It goes with the job.
    world.api.remove(JOBS, MEDIA, "posters");
    world.until("nothing is left", |world| kept(world).is_none()).await;
}

#[tokio::test(start_paused = true)]
async fn the_last_decisions_of_a_job_are_on_record_where_it_is_driven() {
    let world = World::new();
    let first = world.operator("a");
    world.apply_job("posters");
    world.ready("posters").await;
    let posters = NamespacedName { namespace: MEDIA.to_owned(), name: "posters".to_owned() };
    for burst in 1..=50 {
        world.waiting("posters", 5_000 + burst);
        world.until("workers come", |world| world.workers("posters") > Some(3)).await;
        world.waiting("posters", 0);
        world.until("workers go", |world| world.workers("posters") == Some(0)).await;
    }
    let lines = first.records.lines(&posters).unwrap();
    let entries: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(entries.len(), 64, "the last ones");
    assert!(entries.windows(2).all(|pair| pair[0]["at"].as_str() < pair[1]["at"].as_str()), "the oldest first");
    let due = entries.iter().rfind(|entry| entry["reason"] == "Due").unwrap();
    assert_eq!((due["waiting"].as_u64(), due["partial"].as_bool()), (Some(5_050), Some(false)));
    assert!(due["message"].as_str().unwrap().contains("5,050 records wait"), "{due}");
    assert_eq!(first.records.lines(&NamespacedName { name: "nobodys".to_owned(), ..posters.clone() }), None);
    world.api.remove(JOBS, MEDIA, "posters");
    world.until("it is forgotten", |_| first.records.lines(&posters).is_none()).await;
}
