//! Named stories of one job, told by what its status says.

use imagejob_api::{ConditionType, ImageJobStatus, LearningStatus};
use imagejob_operator::reconcile::Step;
use imagejob_operator::{Fault, Role, State};
use imagejob_protocol::wire::Problem;
use imagejob_scaling::simulate::{Trace, taught};
use imagejob_scaling::{Learning, Memory, Policy};
use jiff::tz::TimeZone;

use crate::world::{Faults, JOB, PARTITIONS, World, desired};

/// `Ready=True/Working Reconciling=False/Settled ...`
fn conditions(status: &ImageJobStatus) -> String {
    use ConditionType::{Ready, Reconciling, ScalingActive, ScalingLimited, Stalled};
    let say = |type_| {
        let condition = status.condition(type_).unwrap();
        format!("{}={}/{}", condition.type_, condition.status, condition.reason)
    };
    [Ready, Reconciling, Stalled, ScalingActive, ScalingLimited].map(say).join(" ")
}

fn message(status: &ImageJobStatus, type_: ConditionType) -> &str {
    &status.condition(type_).unwrap().message
}

/// A job on Friday night in Shanghai, with dispatchers that have found their partitions.
async fn settled() -> (World, State) {
    let (world, mut state) = (World::at("2026-11-20T20:00:00+08:00"), State::default());
    world.run(10, &desired(JOB), &mut state).await;
    (world, state)
}

#[tokio::test]
async fn from_nothing_to_ready_and_then_no_write_at_rest() {
    let (world, mut state) = (World::at("2026-11-20T20:00:00+08:00"), State::default());
    let first = world.round(&desired(JOB), &mut state).await;
    assert_eq!(
        conditions(&first.status),
        "Ready=False/DispatchersStarting Reconciling=True/DispatchersStarting Stalled=False/Moving \
         ScalingActive=False/LagUnknown ScalingLimited=False/WithinBounds"
    );
    let status = world.run(10, &desired(JOB), &mut state).await.status;
    assert_eq!(
        conditions(&status),
        "Ready=True/Working Reconciling=False/Settled Stalled=False/Moving ScalingActive=True/AtRest \
         ScalingLimited=False/WithinBounds"
    );
    assert_eq!((status.dispatchers.wanted, status.dispatchers.ready, status.workers.wanted), (2, 2, 0));
    assert_eq!(status.observed_generation, Some(1));

    let (applies, writes) = (world.applies(), world.status_writes());
    world.run(600, &desired(JOB), &mut state).await;
    assert_eq!((world.applies(), world.status_writes()), (applies, writes), "ten minutes at rest");
}

#[tokio::test]
async fn a_burst_grows_beyond_the_partitions_and_drains_to_zero() {
    let (world, mut state) = settled().await;
    world.lock().append(6_000);
    let outcome = world.step(&desired(JOB), &mut state).await;
    let wanted = outcome.status.workers.wanted;
    assert!(wanted > PARTITIONS as u32, "{:?}", outcome.status.decision);
    assert_eq!(outcome.status.lag.unwrap().waiting, 6_000);
    // Half of the wait is over when all have started.
    world.run(8, &desired(JOB), &mut state).await;
    assert_eq!(world.waiting(), 0, "all leased within the wait of 10 s");
    let end = world.run(60, &desired(JOB), &mut state).await;
    assert_eq!((end.status.workers.wanted, world.workers()), (0, 0));
    assert_eq!((world.done(), world.produced()), (6_000, 6_000));
    assert!(world.applies() <= 8, "{} writes for one burst", world.applies());
}

#[tokio::test]
async fn a_floor_is_there_when_the_window_opens_and_falls_on_the_second() {
    let (world, mut state) = (World::at("2026-11-21T05:59:30+08:00"), State::default());
    // 6.2 s early: 5 s to start (a first guess), 1 s to react, 4 workers at 20 created a second.
    world.run(23, &desired(JOB), &mut state).await;
    assert_eq!(world.workers(), 0);
    world.run(1, &desired(JOB), &mut state).await;
    assert_eq!(world.workers(), 4);
    let open = world.run(6, &desired(JOB), &mut state).await.status;
    assert_eq!((world.workers(), open.schedule.active[0].name.as_str()), (4, "weekend"));
    assert_eq!(open.schedule.next.as_ref().unwrap().at, "2026-11-21T08:00:00+08:00".parse().unwrap());
    world.lock().now = "2026-11-21T07:59:59+08:00".parse().unwrap();
    let last = world.run(0, &desired(JOB), &mut state).await;
    assert_eq!((world.workers(), last.recheck_after.as_millis()), (4, 750));
    world.run(1, &desired(JOB), &mut state).await;
    assert_eq!(world.workers(), 0);
}

#[tokio::test]
async fn a_silent_dispatcher_holds_the_workers_and_says_so() {
    let (world, mut state) = settled().await;
    world.lock().producing = 100;
    world.run(40, &desired(JOB), &mut state).await;
    let before = world.workers();
    assert!(before > 0);
    world.lock().producing = 0;
    world.lock().silence_dispatcher(60);
    let silent = world.run(50, &desired(JOB), &mut state).await.status;
    assert_eq!(world.workers(), before);
    assert_eq!(silent.condition(ConditionType::ScalingActive).unwrap().reason, "LagPartial");
    let sentence = message(&silent, ConditionType::ScalingActive);
    assert!(sentence.starts_with("1 of 2 dispatchers is silent for 5"), "{sentence}");
    assert!(silent.lag.unwrap().partial);
    world.run(60, &desired(JOB), &mut state).await;
    assert_eq!(world.workers(), 0);
}

#[tokio::test]
async fn a_dead_dispatcher_is_replaced_and_nothing_shrinks_meanwhile() {
    let (world, mut state) = settled().await;
    world.lock().producing = 200;
    world.run(40, &desired(JOB), &mut state).await;
    let before = world.workers();
    world.lock().kill_dispatcher();
    for _ in 0..20 {
        world.step(&desired(JOB), &mut state).await;
        assert!(world.workers() >= before);
    }
    let after = world.run(20, &desired(JOB), &mut state).await.status;
    assert!(after.holds(ConditionType::ScalingActive));
}

#[tokio::test]
async fn a_missing_topic_is_waited_for_and_a_refusal_needs_somebody() {
    let (world, mut state) = (World::at("2026-11-20T20:00:00+08:00"), State::default());
    let problem = |reason: &str, message: &str| Problem { reason: reason.to_owned(), message: message.to_owned() };
    world.lock().topic_exists = false;
    world.lock().problems = vec![problem("TopicMissing", "topic photos does not exist; create it")];
    let missing = world.run(10, &desired(JOB), &mut state).await.status;
    assert_eq!(
        conditions(&missing),
        "Ready=False/TopicMissing Reconciling=True/TopicMissing Stalled=False/Moving ScalingActive=False/LagUnknown \
         ScalingLimited=False/WithinBounds"
    );
    assert_eq!(message(&missing, ConditionType::Ready), "topic photos does not exist; create it");

    world.lock().problems.push(problem("NotAuthorized", "the broker refused group default.posters; grant Read"));
    let refused = world.run(1, &desired(JOB), &mut state).await.status;
    assert!(
        conditions(&refused)
            .starts_with("Ready=False/NotAuthorized Reconciling=False/Settled Stalled=True/NotAuthorized")
    );

    world.lock().topic_exists = true;
    world.lock().problems = vec![problem("DataExpired", "12 records were deleted before they were read")];
    let expired = world.run(10, &desired(JOB), &mut state).await.status;
    assert!(conditions(&expired).starts_with("Ready=True/DataExpired Reconciling=False/Settled Stalled=False/Moving"));
}

#[tokio::test]
async fn a_suspended_job_keeps_one_dispatcher_and_no_worker_and_goes_on_where_it_was() {
    let (world, mut state) = settled().await;
    world.lock().producing = 100;
    world.run(40, &desired(JOB), &mut state).await;
    let before = world.workers();
    let suspended = desired(&JOB.replace("spec:\n  source", "spec:\n  suspend: true\n  source"));
    let status = world.run(30, &suspended, &mut state).await.status;
    assert_eq!((world.workers(), status.dispatchers.wanted, status.dispatchers.ready), (0, 1, 1));
    assert!(
        conditions(&status).starts_with(
            "Ready=True/Suspended Reconciling=False/Settled Stalled=False/Moving ScalingActive=False/Suspended"
        ),
        "{}",
        conditions(&status)
    );
    assert_eq!(status.decision.unwrap().message, "0 workers, because the job is suspended.");
    let resumed = world.run(10, &desired(JOB), &mut state).await.status;
    assert!(world.workers() > before, "what came meanwhile waits too");
    assert_eq!(resumed.dispatchers.wanted, 2);
}

#[tokio::test]
async fn workers_that_cannot_start_are_named_and_matter_most_when_all_of_them_cannot() {
    let (world, mut state) = settled().await;
    let (reason, sentence) = ("ImageMissing".to_owned(), "pod w cannot get image i".to_owned());
    world.lock().start_faults = vec![Fault { role: Role::Worker, reason, message: sentence }];
    world.lock().faults.slow_starts = 1_000;
    world.lock().producing = 100;
    let none = world.run(10, &desired(JOB), &mut state).await.status;
    assert!(conditions(&none).starts_with("Ready=False/ImageMissing Reconciling=True/ImageMissing Stalled=False"));
    assert_eq!(message(&none, ConditionType::Ready), "pod w cannot get image i");
    world.lock().faults.slow_starts = 1;
    world.lock().kill_worker();
    let some = world.run(10, &desired(JOB), &mut state).await.status;
    assert!(conditions(&some).starts_with("Ready=True/ImageMissing Reconciling=True/ImageMissing Stalled=False"));
}

#[tokio::test]
async fn an_edit_that_makes_no_sense_stalls_and_leaves_running_what_runs() {
    let (world, mut state) = settled().await;
    world.lock().producing = 100;
    world.run(40, &desired(JOB), &mut state).await;
    let (before, applies) = (world.workers(), world.applies());
    let transitions =
        |status: &ImageJobStatus| status.condition(ConditionType::Ready).unwrap().last_transition_time.clone();

    let mut edited = desired(&JOB.replace("Asia/Shanghai", "Asia/Shangai"));
    edited.job.metadata.generation = Some(2);
    let outcome = world.run(60, &edited, &mut state).await;
    assert!(matches!(outcome.step, Step::Invalid(_)));
    assert_eq!((world.workers(), world.applies()), (before, applies));
    let stalled = outcome.status;
    assert_eq!(
        message(&stalled, ConditionType::Stalled),
        "ScalePolicy weekend: spec.timeZone: \"Asia/Shangai\" is not a time zone; did you mean Asia/Shanghai?"
    );
    assert_eq!(
        conditions(&stalled),
        "Ready=False/UnknownTimeZone Reconciling=False/Settled Stalled=True/UnknownTimeZone ScalingActive=False/Invalid \
         ScalingLimited=False/Invalid"
    );
    assert_eq!(stalled.observed_generation, Some(2));
    assert_eq!(stalled.workers.wanted, before as u32, "what was decided last is still told");

    let again = world.run(10, &edited, &mut state).await.status;
    assert_eq!(transitions(&again), transitions(&stalled));
    world.lock().producing = 0;
    world.run(60, &edited, &mut state).await;
    let healed = world.run(10, &desired(JOB), &mut state).await.status;
    assert_eq!(healed.decision.as_ref().unwrap().reason, "WarmingUp", "what was needed meanwhile went unseen");
    assert_eq!(world.workers(), before);
    assert!(transitions(&healed) > transitions(&stalled));
    assert!(conditions(&healed).starts_with("Ready=True/Working"));
}

#[tokio::test]
async fn a_cluster_that_does_not_answer_is_asked_again_and_nothing_is_forgotten() {
    let (world, mut state) = settled().await;
    world.lock().faults = Faults { cluster_down: true, ..Faults::default() };
    world.lock().append(6_000);
    let down = world.run(5, &desired(JOB), &mut state).await.status;
    assert_eq!(message(&down, ConditionType::Ready), "cannot apply the plan: connection refused");
    assert!(
        conditions(&down)
            .starts_with("Ready=False/ClusterUnavailable Reconciling=True/ClusterUnavailable Stalled=False")
    );
    assert_eq!(world.workers(), 0);
    world.lock().faults = Faults::default();
    world.step(&desired(JOB), &mut state).await;
    assert!(world.workers() > 0);
}

#[tokio::test]
async fn a_status_that_has_to_wait_holds_no_decision_up() {
    let (world, mut state) = settled().await;
    let written = world.status_writes();
    world.lock().faults = Faults { statuses_queue: true, ..Faults::default() };
    world.lock().append(6_000);
    world.run(5, &desired(JOB), &mut state).await;
    assert!(world.workers() > 0);
    assert_eq!(world.status_writes(), written);
    world.lock().faults = Faults::default();
    world.step(&desired(JOB), &mut state).await;
    assert_eq!(world.status_writes(), written + 1, "the newest, and no other");
}

#[tokio::test]
async fn what_was_needed_while_the_cluster_did_not_answer_is_remembered() {
    let (world, mut state) = settled().await;
    world.lock().producing = 150;
    world.run(40, &desired(JOB), &mut state).await;
    // An edit that cannot be handed over, for longer than the window.
    let edited = desired(&JOB.replace("results: {topic: results}", "results: {topic: others}"));
    world.lock().faults = Faults { cluster_down: true, ..Faults::default() };
    let needed = world.run(60, &edited, &mut state).await.status.decision.unwrap().replicas as usize;
    assert!(needed > 0, "records come all the time");
    world.lock().producing = 0;
    world.lock().faults = Faults::default();
    world.run(20, &edited, &mut state).await;
    assert!(world.workers() >= needed, "{} of {needed} that were needed twenty seconds ago", world.workers());
    world.run(20, &edited, &mut state).await;
    assert_eq!(world.workers(), 0);
}

#[tokio::test]
async fn a_restarted_operator_takes_over_without_a_change() {
    let (world, mut state) = settled().await;
    world.lock().producing = 150;
    world.run(60, &desired(JOB), &mut state).await;
    let (before, applies) = (world.workers(), world.applies());
    // The new one remembers nothing but what the cluster says.
    let mut restarted = State::default();
    world.run(25, &desired(JOB), &mut restarted).await;
    assert_eq!((world.workers(), world.applies()), (before, applies));
}

#[tokio::test]
async fn fewer_partitions_than_dispatchers_leave_some_out() {
    let one = JOB.replace("scaling: {", "dispatcher: {replicas: 5}\n  scaling: {");
    let (world, mut state) = (World::at("2026-11-20T20:00:00+08:00"), State::default());
    let asked = world.round(&desired(&one), &mut state).await;
    assert_eq!(asked.status.dispatchers.wanted, 5, "before anybody knows the partitions");
    let known = world.run(10, &desired(&one), &mut state).await;
    assert_eq!(known.status.dispatchers.wanted, PARTITIONS as u32);
}

#[tokio::test]
async fn numbers_alone_are_written_once_a_minute() {
    // 4 workers do 160 records/s, more than come: no candidate asks for another.
    let job = desired(&JOB.replace("scaling: {", "scaling: {minReplicas: 4, "));
    let (world, mut state) = settled().await;
    world.lock().producing = 100;
    world.run(60, &job, &mut state).await;
    let writes = world.status_writes();
    for second in 0..300 {
        // The lag moves all the time, the decision does not.
        world.lock().producing = if second % 2 == 0 { 104 } else { 96 };
        world.run(1, &job, &mut state).await;
    }
    let written = world.status_writes() - writes;
    assert!(written <= 6, "{written} writes in five minutes");
}

/// Two Friday evenings from 20:00 on with 100 records a second, as an earlier program kept them.
fn two_fridays() -> Vec<u8> {
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    let policy = Policy { learning: Learning { zone, ..Learning::default() }, ..Policy::default() };
    let evening = Trace { bin: 1.0, records: vec![100; 4 * 3_600] };
    let memory = ["2026-11-06T19:00:00+08:00", "2026-11-13T19:00:00+08:00"]
        .iter()
        .fold(Memory::default(), |memory, start| taught(memory, &policy, &evening, start.parse().unwrap()));
    memory.season().unwrap().to_bytes()
}

#[tokio::test]
async fn what_was_learned_outlives_the_program_and_is_asked_for_before_it_comes() {
    let active = JOB.replace("maxReplicas: 40", "maxReplicas: 40\n  learning: {mode: Active}");
    let mut wanted = desired(&active);
    let world = World::at("2026-11-20T20:00:00+08:00");
    world.lock().season = Some(two_fridays());
    world.lock().faults.seasons_down = true;
    let kept_at = "2026-11-13T23:00:00+08:00".parse().unwrap();
    wanted.job.status =
        Some(ImageJobStatus { learning: Some(LearningStatus { weeks: 2, kept_at }), ..ImageJobStatus::default() });
    let mut state = State::default();
    let early = world.run(20, &wanted, &mut state).await.status.decision.unwrap();
    assert_eq!((early.reason.as_str(), early.candidates.learned), ("AtRest", None), "it cannot be read yet");

    world.lock().faults.seasons_down = false;
    let decision = world.run(20, &wanted, &mut state).await.status.decision.unwrap();
    assert_eq!(decision.reason, "LearnedFloor", "{}", decision.message);
    let workers = decision.replicas;
    assert!((2..=4).contains(&workers), "100/s at 40/s a worker: {}", decision.message);
    assert_eq!(decision.candidates.learned, Some(workers));

    // An hour later this Friday is kept too.
    world.lock().producing = 100;
    let status = world.run(3_700, &wanted, &mut state).await.status;
    assert_eq!(status.learning.unwrap().weeks, 3);
    assert_ne!(world.lock().season, Some(two_fridays()));
}

#[tokio::test]
async fn what_could_not_be_read_is_not_written_over() {
    let world = World::at("2026-11-20T20:00:00+08:00");
    world.lock().season = Some(two_fridays());
    world.lock().faults.seasons_down = true;
    world.lock().producing = 100;
    let mut state = State::default();
    let status = world.run(3_700, &desired(JOB), &mut state).await.status;
    assert_eq!(status.learning, None);
    assert_eq!(world.lock().season, Some(two_fridays()));
    // As soon as it can be: read first, and then kept with what is new.
    world.lock().faults.seasons_down = false;
    let status = world.run(3_700, &desired(JOB), &mut state).await.status;
    assert_eq!(status.learning.unwrap().weeks, 3);
    let decision = status.decision.unwrap();
    assert!(decision.candidates.learned.is_some(), "a shadow says what it would ask for");
    assert_ne!(decision.reason, "LearnedFloor");
}
