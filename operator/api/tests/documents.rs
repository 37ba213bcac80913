//! Reading documents, and what becomes of a valid job and its policy.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use imagejob_api::document::Documents;
use imagejob_api::validate::{Action, Format, StartFrom, StorageKind};
use imagejob_api::{ValidatedJob, validate};
use imagejob_scaling::Amount;
use jiff::Timestamp;
use jiff::civil::{Weekday, time};

const FULL: &str = include_str!("full.yaml");

const MINIMAL: &str = "
apiVersion: imagejob.dev/v1alpha1
kind: ImageJob
metadata: {name: photos}
spec:
  source: {kafka: {bootstrapServers: 'kafka:9092', topics: [in]}}
  storage: {type: FileSystem, path: /data, buckets: [photos]}
  steps: [{name: quality, quality: {}}]
  results: {topic: out}
";

fn created() -> Timestamp {
    "2026-11-21T04:00:00Z".parse().unwrap()
}

fn validated(text: &str) -> ValidatedJob {
    let documents = Documents::read([("job.yaml", text)]).unwrap();
    let job = &documents.job(None).unwrap().object;
    let policy = job.spec.scaling.policy_ref.as_ref().and_then(|reference| documents.policy(&reference.name));
    validate(job, policy.map(|policy| &policy.object), created()).unwrap()
}

fn read_error(text: &str) -> String {
    let errors = Documents::read([("job.yaml", text)]).unwrap_err();
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn reading_and_writing_changes_nothing() {
    let documents = Documents::read([("full.yaml", FULL)]).unwrap();
    let written = [
        serde_json::to_value(&documents.jobs[0].object).unwrap(),
        serde_json::to_value(&documents.policies[0].object).unwrap(),
    ];
    let read: Vec<serde_json::Value> = serde_saphyr::from_multiple(FULL).unwrap();
    assert_eq!(written, read[..2]);
    assert_eq!(documents.jobs[0].place, "full.yaml (document 1)");
}

#[test]
fn everything_that_is_omitted_has_its_documented_default() {
    let job = validated(MINIMAL);
    assert_eq!(job.name.to_string(), "default/photos");
    assert_eq!(job.source.consumer_group, "default.photos");
    assert_eq!((job.source.start_from, job.source.format), (StartFrom::Earliest, Format::Auto));
    assert_eq!(job.storage.max_object_bytes, 64 << 20);
    assert_eq!(job.results.dead_letter_topic, "in.dlq");
    assert_eq!((job.slots.get(), job.timeout, job.dispatchers.get()), (8, None, 2));
    assert_eq!(job.retry.max_attempts.get(), 3);
    let scaling = job.scaling;
    assert_eq!((scaling.wait, scaling.min_replicas, scaling.max_replicas), (Duration::from_mins(1), 0, 7_000));
    assert_eq!(scaling.scale_down_stabilization, Duration::from_secs(30));
    assert!(scaling.profiles.is_empty());
}

#[test]
fn latest_means_since_the_job_was_created_by_the_server_or_else_now() {
    let latest = MINIMAL.replace("topics: [in]", "topics: [in], startFrom: Latest");
    assert_eq!(validated(&latest).source.start_from, StartFrom::Created(created()));
    let full = validated(FULL);
    assert_eq!(full.source.start_from, StartFrom::Created("2026-11-01T00:00:00Z".parse().unwrap()));
}

#[test]
fn job_and_policy_merge_field_by_field() {
    let job = validated(FULL);
    assert_eq!(job.source.format, Format::Plain { uri_pointer: Some("/photo/url".to_owned()) });
    assert_eq!(job.storage.kind, StorageKind::FileSystem { path: "/data/photos".into() });
    assert!(
        matches!(&job.steps[1].action, Action::Handler(handler) if handler.port == Some(9000) && handler.command.len() == 2)
    );
    let scaling = &job.scaling;
    assert_eq!((scaling.wait, scaling.min_replicas, scaling.max_replicas), (Duration::from_secs(30), 1, 400));
    assert_eq!(scaling.scale_down_stabilization, Duration::from_secs(45));

    let names: Vec<&str> = scaling.profiles.iter().map(|profile| profile.name.as_str()).collect();
    assert_eq!(names, ["weekend", "night", "posters", "sale"]);
    let (weekend, night) = (&scaling.profiles[0], &scaling.profiles[1]);
    assert_eq!((weekend.amount.clone(), weekend.ceiling), (Some(Amount::Floor(12)), Some(300)));
    assert_eq!(weekend.wait, Some(Duration::from_secs(5)));
    assert_eq!((weekend.schedule.from, weekend.schedule.to), (time(6, 0, 0, 0), time(10, 0, 30, 0)));
    assert_eq!(weekend.schedule.zone.iana_name(), Some("Asia/Urumqi"));
    assert!(
        weekend.schedule.days.weekdays.contains(Weekday::Sunday)
            && !weekend.schedule.days.weekdays.contains(Weekday::Monday)
    );
    assert_eq!(night.schedule.zone.iana_name(), Some("Asia/Shanghai"));
    assert!(night.schedule.days.weekdays.contains(Weekday::Wednesday));
}

#[test]
fn calendars_and_adjustments_reach_the_profiles_that_they_name() {
    let profiles = validated(FULL).scaling.profiles;
    let on = |name: &str, day: &str| {
        let profile = profiles.iter().find(|profile| profile.name == name).unwrap();
        profile.schedule.days.contains(day.parse().unwrap())
    };
    // A worked Saturday is skipped by both, a holiday is used by one, which the job has not changed.
    assert!(!on("weekend", "2026-10-10") && !on("posters", "2026-10-10"));
    assert!(on("weekend", "2026-10-17") && on("posters", "2026-10-17"));
    assert!(!on("weekend", "2026-10-01") && on("posters", "2026-10-01"));
    let percents: Vec<u32> = profiles[2].adjustments.iter().map(|adjustment| adjustment.percent).collect();
    assert_eq!(percents, [150, 120]);
    assert!(profiles.iter().all(|profile| profile.name == "posters" || profile.adjustments.is_empty()));
    let Some(Amount::Volume(volume)) = &profiles[2].amount else { panic!("{:?}", profiles[2].amount) };
    assert_eq!(volume.within, Some(Duration::from_hours(48)));
}

#[test]
fn a_job_may_change_one_field_of_a_policys_profile() {
    let text = FULL.replace(
        "    - name: weekend\n      days: [Sat, Sun]\n      from: \"06:00\"\n      to: \"10:00:30\"\n      timeZone: Asia/Urumqi\n      \
         floor: 12\n      ceiling: 300\n      waitSeconds: 5\n",
        "    - {name: weekend, floor: 9}\n",
    );
    assert_ne!(text, FULL);
    let weekend = &validated(&text).scaling.profiles[0];
    assert_eq!((weekend.amount.clone(), weekend.ceiling), (Some(Amount::Floor(9)), Some(100)));
    // 24:00 is the midnight that ends the day.
    assert_eq!((weekend.schedule.from, weekend.schedule.to), (time(7, 0, 0, 0), time(0, 0, 0, 0)));
}

#[test]
fn null_is_omitted_and_json_is_yaml() {
    let with_null = MINIMAL.replace("results: {topic: out}", "results: {topic: out}\n  retry:\n  deadLetter: null");
    assert_eq!(validated(&with_null).retry.max_attempts.get(), 3);
    let documents = Documents::read([("job.yaml", MINIMAL)]).unwrap();
    let json = serde_json::to_string_pretty(&documents.jobs[0].object).unwrap();
    assert_eq!(Documents::read([("job.json", json.as_str())]).unwrap().jobs[0].object, documents.jobs[0].object);
}

#[test]
fn what_is_no_document_of_ours_is_named() {
    let table = [
        ("", "job.yaml: holds no document"),
        ("just text", "job.yaml: is not an object; begin with apiVersion and kind"),
        ("kind: ImageJob", "job.yaml: apiVersion: is required, but missing; use imagejob.dev/v1alpha1"),
        (
            "apiVersion: apps/v1\nkind: Deployment",
            "job.yaml: apiVersion: \"apps/v1\" is not known; use imagejob.dev/v1alpha1",
        ),
        (
            "apiVersion: imagejob.dev/v1alpha1",
            "job.yaml: kind: is required, but missing; use ImageJob or ScalePolicy, or ConfigMap for the dates of a \
             calendar",
        ),
        (
            "apiVersion: imagejob.dev/v1alpha1\nkind: Imagejob",
            "job.yaml: kind: \"Imagejob\" is not known; use ImageJob or ScalePolicy, or ConfigMap for the dates of a \
             calendar",
        ),
        ("apiVersion: imagejob.dev/v1alpha1\nkind: ImageJob", "job.yaml: metadata: is required, but missing"),
        (
            "apiVersion: imagejob.dev/v1alpha1\nkind: ImageJob\nmetadata: {name: a}\nmetadata: {name: b}",
            "job.yaml: line 4, column 1: the field metadata is there already; keep one",
        ),
        ("kind: [", "job.yaml: line 1, column 7: unclosed bracket '['"),
    ];
    for (text, sentence) in table {
        assert_eq!(read_error(text), sentence, "{text:?}");
    }
}

#[test]
fn of_several_documents_each_error_is_told_with_its_place() {
    let text = format!("{MINIMAL}---\nkind: Secret\n---\n{}", MINIMAL.replace("bootstrapServers", "bootstrapServer"));
    assert_eq!(
        read_error(&text),
        "job.yaml (document 2): apiVersion: is required, but missing; use imagejob.dev/v1alpha1\n\
         job.yaml (document 3): spec.source.kafka.bootstrapServer: unknown field; did you mean bootstrapServers?"
    );
}

#[test]
fn one_job_is_chosen() {
    let two = format!("{MINIMAL}---\n{}", MINIMAL.replace("name: photos", "name: videos"));
    let documents = Documents::read([("a.yaml", two.as_str())]).unwrap();
    assert_eq!(documents.job(Some("videos")).unwrap().object.metadata.name.as_deref(), Some("videos"));
    assert_eq!(documents.job(None).unwrap_err(), "several ImageJobs; name one of photos videos");
    assert_eq!(documents.job(Some("music")).unwrap_err(), "no ImageJob is named \"music\"; there are photos videos");
    assert_eq!(Documents::default().job(None).unwrap_err(), "no document is an ImageJob; add one");
    let twice = Documents::read([("a.yaml", MINIMAL), ("b.yaml", MINIMAL)]).unwrap();
    assert_eq!(twice.job(Some("photos")).unwrap_err(), "several ImageJobs are named \"photos\"; keep one");
}
