//! The desk by itself: a log in memory, workers that are message lists, time that is a number.
#![allow(clippy::unwrap_used)]

mod rig;

use std::num::NonZeroU32;
use std::time::Duration;

use imagejob_ledger::Window;
use imagejob_protocol::settings::OnExhausted;
use imagejob_protocol::wire::FailureClass;
use imagejob_protocol::wire::from_worker::Message as In;
use imagejob_protocol::wire::{self, from_dispatcher::Message as Out};

use self::rig::{HERE, Rig, fresh, resumed};
use super::{Limits, Snapshot};
use crate::dispatcher::workers::SessionId;

const A: SessionId = SessionId(1);
const B: SessionId = SessionId(2);
const C: SessionId = SessionId(3);

fn report(snapshot: &Snapshot) -> (u64, u64, u64) {
    let partition = &snapshot.report.partitions[0];
    (partition.waiting, partition.in_flight, partition.retrying)
}

#[test]
fn waiting_in_flight_and_retrying_never_count_a_record_twice() {
    let mut rig = Rig::new(10);
    rig.hold(fresh(10));
    rig.connect(A, "a", 4);
    assert_eq!(rig.lend(A), [0, 1, 2, 3]);
    assert_eq!(report(&rig.snapshot()), (6, 4, 0));
    rig.fail(A, 1, FailureClass::Transient);
    assert_eq!(report(&rig.snapshot()), (6, 3, 1));
    assert_eq!(rig.lend(A), [4]);
    rig.done(A, &[0, 2]);
    rig.pass(Duration::from_secs(1));
    assert_eq!(rig.lend(A), [1, 5], "what failed before goes first when it is due");
    assert_eq!(report(&rig.snapshot()), (4, 4, 0));
}

#[test]
fn partitions_take_turns() {
    let mut rig = Rig::new(10);
    rig.hold(fresh(10));
    rig.hold_second(fresh(10));
    rig.connect(A, "a", 6);
    let partitions: Vec<_> = rig.lent(A).iter().map(|id| id.partition.number).collect();
    assert_eq!(partitions, [0, 1, 0, 1, 0, 1]);
}

#[test]
fn a_suspended_job_lends_nothing_and_takes_what_comes_back() {
    let mut rig = Rig::new(5);
    rig.hold(fresh(5));
    rig.connect(A, "a", 2);
    assert_eq!(rig.lend(A), [0, 1]);
    rig.desk.suspend(true);
    rig.done(A, &[0]);
    rig.fail(A, 1, FailureClass::Transient);
    rig.pass(Duration::from_secs(1));
    assert!(rig.lend(A).is_empty());
    assert_eq!(report(&rig.snapshot()), (4, 0, 0));
    rig.desk.suspend(false);
    assert_eq!(rig.lend(A), [1, 2]);
}

#[test]
fn four_dispatchers_together_lend_what_the_rate_limit_says() {
    let mut rigs: Vec<_> = (0..4).map(|_| Rig::new(20_000)).collect();
    for rig in &mut rigs {
        rig.desk.saw_partition_counts(vec![4]);
        rig.desk.limit_rate(NonZeroU32::new(500));
        rig.hold(fresh(20_000));
        rig.connect(A, "a", 64);
    }
    let second = |rigs: &mut [Rig]| {
        let mut lent = 0;
        for _ in 0..20 {
            for rig in rigs.iter_mut() {
                rig.pass(Duration::from_millis(50));
                lent += rig.lend(A).len();
                rig.finish_all(A);
            }
        }
        lent
    };
    let seconds: Vec<_> = (0..60).map(|_| second(&mut rigs)).collect();
    assert!(seconds.iter().all(|lent| (496..=504).contains(lent)), "a record of each more or less: {seconds:?}");
    assert!((29_996..=30_004).contains(&seconds.iter().sum::<usize>()), "{seconds:?}");

    for rig in &mut rigs {
        rig.desk.limit_rate(None);
    }
    assert_eq!(second(&mut rigs), 4 * 20 * 64, "as many as workers take");
}

#[test]
fn another_attempt_counts_against_the_rate_limit_too() {
    let mut rig = Rig::new(10);
    rig.desk.limit_rate(NonZeroU32::new(1));
    rig.hold(fresh(10));
    rig.connect(A, "a", 4);
    assert_eq!(rig.lend(A), [0]);
    rig.fail(A, 0, FailureClass::Transient);
    rig.pass(Duration::from_secs(1));
    assert_eq!(rig.lend(A), [0], "what failed goes first");
    rig.pass(Duration::from_millis(999));
    assert!(rig.lend(A).is_empty());
    rig.pass(Duration::from_millis(1));
    assert_eq!(rig.lend(A), [1]);
}

#[test]
fn a_record_that_two_workers_lost_is_lent_alone() {
    let mut rig = Rig::new(5);
    rig.hold(fresh(5));
    rig.connect(A, "a", 1);
    assert_eq!(rig.lend(A), [0]);
    rig.vanish(A);
    rig.connect(B, "b", 1);
    assert_eq!(rig.lend(B), [0]);
    rig.vanish(B);

    rig.connect(C, "c", 3);
    let leases = rig.leases(C);
    let suspect = &leases[0];
    assert_eq!(leases.len(), 1, "nothing else beside it");
    assert_eq!((suspect.alone, suspect.losses, suspect.attempt), (true, 2, 1));
    rig.done(C, &[0]);
    assert_eq!(rig.lend(C), [1, 2, 3], "ordinary work again");
}

#[test]
fn a_suspect_waits_until_a_worker_is_idle_and_does_not_stop_the_others() {
    let mut rig = Rig::new(40);
    rig.hold(fresh(40));
    rig.connect(A, "a", 2);
    rig.connect(B, "b", 2);
    rig.lend(A);
    rig.lend(B);
    for life in 10..12 {
        let killed = SessionId(life);
        rig.connect(killed, &format!("worker-{life}"), 1);
        assert_eq!(rig.lend(killed), [4], "the same record each time");
        rig.vanish(killed);
        rig.extend(A, &[0, 1, 2, 3]);
        rig.extend(B, &[0, 1, 2, 3]);
    }
    // Both workers are busy. The one that is chosen gets nothing until it is idle, then the suspect;
    // the other goes on.
    let mut alone = Vec::new();
    for _ in 0..4 {
        for session in [A, B] {
            rig.finish_all(session);
            alone.extend(rig.leases(session).iter().filter(|lease| lease.alone).cloned());
        }
    }
    assert_eq!(alone.len(), 1);
    assert_eq!(alone[0].losses, 2);
    assert!(rig.tally().done > 10, "{:?}", rig.tally());
}

#[test]
fn a_stream_that_waited_behind_one_that_ended_is_told_what_waits() {
    let mut rig = Rig::new(5);
    rig.hold(fresh(5));
    rig.connect(A, "a", 1);
    assert_eq!(rig.lend(A), [0]);
    // The worker noticed the end of its stream before we do, and dialled again. Its slots are others' until it hears
    // that something waits here.
    rig.call(B, wire::Hello { worker_id: "a".to_owned(), slots: 1, held: None });
    rig.messages(B);
    rig.desk.hang_up(rig.now, A);
    let told = rig.messages(B);
    assert!(told.iter().any(|message| matches!(message, Out::Backlog(_))), "{told:?}");
    rig.extend(B, &[0]);
    rig.done(B, &[0]);
    assert_eq!(rig.tally().done, 1, "what it had before is still its own");
}

#[test]
fn a_worker_that_still_has_what_it_seemed_to_have_lost_lost_nothing() {
    let mut rig = Rig::new(1);
    rig.hold(fresh(1));
    rig.connect(A, "a", 1);
    assert_eq!(rig.lend(A), [0]);
    rig.vanish(A);
    assert_eq!(rig.tally().lost, 1);
    rig.connect_with(B, "a", 1, &[0], &[]);
    rig.fail(B, 0, FailureClass::Permanent);
    let letters = rig.desk.take_dead_letters();
    let attempts = letters[0].attempts;
    assert_eq!((attempts.failures, attempts.losses), (1, 0));
}

#[test]
fn five_lost_workers_are_enough() {
    let mut rig = Rig::new(1);
    rig.hold(fresh(1));
    for life in 1..=5 {
        let session = SessionId(life);
        rig.connect(session, &format!("worker-{life}"), 1);
        assert_eq!(rig.lend(session), [0], "{life}");
        rig.vanish(session);
    }
    let letters = rig.desk.take_dead_letters();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].cause.reason, "WorkerKilled");
    assert_eq!(rig.base(), 0, "only the receipt finishes it");
    rig.desk.buried(rig.now, letters[0].record.id, "WorkerKilled");
    assert_eq!(rig.base(), 1);
    assert_eq!((rig.tally().lost, rig.tally().dead_lettered()), (5, 1));
}

#[test]
fn a_worker_that_hangs_keeps_its_slot_and_loses_its_record() {
    let mut rig = Rig::new(3);
    rig.hold(fresh(3));
    rig.connect(A, "a", 1);
    assert_eq!(rig.lend(A), [0]);
    rig.pass(Duration::from_secs(9));
    rig.extend(A, &[0]);
    rig.pass(Duration::from_secs(9));
    assert!(rig.lend(A).is_empty());
    rig.pass(Duration::from_secs(2));
    assert!(rig.lend(A).is_empty(), "its slot is still taken");
    rig.connect(B, "b", 1);
    assert_eq!(rig.lend(B), [0]);
    // It was only slow: its result counts, the other is told to stop, and both slots are free when both
    // have answered.
    rig.done(A, &[0]);
    assert_eq!(rig.base(), 1);
    let cancelled = rig.messages(B).into_iter().any(|message| matches!(message, Out::Cancel(_)));
    assert!(cancelled);
    assert_eq!(rig.lend(A), [1]);
    assert!(rig.lend(B).is_empty());
    rig.done(B, &[0]);
    assert_eq!(rig.tally().duplicates, 1);
    assert_eq!(rig.lend(B), [2]);
}

#[test]
fn workers_are_asked_before_a_partition_with_a_past_is_lent() {
    let mut rig = Rig::new(4);
    rig.connect(A, "a", 2);
    rig.connect(B, "b", 2);
    rig.pass(Duration::from_secs(20));
    rig.lend(A);
    rig.hold_second(resumed(Window::new(0), 4));
    let query = |message: &Out| matches!(message, Out::Query(query) if query.partitions[0].partition == 1);
    assert!(rig.messages(A).iter().any(query) && rig.messages(B).iter().any(query));

    assert!(rig.lent(A).is_empty());
    let at = |offset| wire::Position { topic: "photos".to_owned(), partition: 1, offset };
    let answer = wire::Announce { in_progress: vec![at(0)], finished: vec![at(1)] };
    rig.say(A, In::Announce(answer));
    assert!(rig.lent(A).is_empty(), "the other has not answered");
    rig.say(B, In::Announce(wire::Announce::default()));
    // 0 is in progress, 1 is done, 2 and 3 are free.
    let mut lent: Vec<_> = [A, B].iter().flat_map(|&session| rig.lent(session)).map(|id| id.offset).collect();
    lent.sort_unstable();
    assert_eq!(lent, [2, 3]);

    // The dispatcher that lent 0 lives, so the outcome goes there; here it is asked for.
    rig.messages(A);
    rig.pass(Duration::from_secs(1));
    assert!(rig.messages(A).iter().any(query));
    rig.say(A, In::Announce(wire::Announce { in_progress: Vec::new(), finished: vec![at(0)] }));
    assert_eq!(rig.snapshot().report.partitions[0].base, 2);
}

#[test]
fn announced_work_that_failed_elsewhere_is_free_again() {
    let mut rig = Rig::new(2);
    rig.hold(resumed(Window::new(0), 2));
    rig.connect_with(A, "a", 2, &[0], &[]);
    rig.pass(Duration::from_secs(1));
    assert_eq!(rig.lend(A), [1]);
    rig.pass(Duration::from_secs(1));
    rig.say(A, In::Announce(wire::Announce::default()));
    assert_eq!(rig.lend(A), [0]);
    assert_eq!(rig.tally().lost, 0);
}

#[test]
fn a_worker_that_does_not_answer_is_waited_for_half_a_second() {
    let mut rig = Rig::new(2);
    rig.connect(A, "a", 2);
    rig.pass(Duration::from_secs(20));
    rig.hold_second(resumed(Window::new(0), 2));
    rig.pass(Duration::from_millis(499));
    assert!(rig.lent(A).is_empty());
    rig.pass(Duration::from_millis(1));
    assert_eq!(rig.lent(A).len(), 2);
}

#[test]
fn after_a_restart_the_other_workers_get_a_second_to_come_back() {
    let mut rig = Rig::new(3);
    rig.hold(resumed(Window::new(0), 3));
    rig.pass(Duration::from_secs(2));
    rig.connect(A, "a", 3);
    rig.pass(Duration::from_millis(900));
    assert!(rig.lend(A).is_empty());
    rig.connect_with(B, "b", 0, &[0], &[1]);
    rig.pass(Duration::from_millis(100));
    assert_eq!(rig.lend(A), [2]);
    rig.done(B, &[0]);
    rig.done(A, &[2]);
    assert_eq!(rig.base(), 3);
}

#[test]
fn a_dispatcher_that_waited_long_for_its_first_worker_does_not_wait_for_more() {
    let mut rig = Rig::new(1);
    rig.hold(resumed(Window::new(0), 1));
    rig.pass(Duration::from_secs(30));
    rig.connect(A, "a", 1);
    rig.pass(Duration::ZERO);
    assert_eq!(rig.lend(A), [0]);
}

#[test]
fn facts_about_a_partition_held_elsewhere_count_when_it_arrives() {
    let mut rig = Rig::new(3);
    rig.connect(A, "a", 3);
    rig.done(A, &[1]);
    rig.pass(Duration::from_secs(20));
    rig.commit();
    assert!(!rig.acknowledged(A), "the worker must go on remembering it");
    rig.hold(resumed(Window::new(0), 3));
    rig.say(A, In::Announce(wire::Announce::default()));
    assert_eq!(rig.lend(A), [0, 2]);
    rig.pass(Duration::from_secs(41));
    rig.commit();
    assert!(rig.acknowledged(A));
}

#[test]
fn what_a_worker_never_had_cannot_be_finished_beyond_the_log() {
    let mut rig = Rig::new(3);
    rig.hold(fresh(3));
    rig.connect(A, "a", 1);
    rig.done(A, &[700]);
    assert_eq!(rig.window().top(), 0);
    assert_eq!(rig.tally().done, 0);
}

/// A record that comes after the lie must be worked on all the same.
#[test]
fn a_lie_about_a_record_that_does_not_exist_is_forgotten_when_the_end_is_known() {
    let mut rig = Rig::new(5);
    rig.hold(fresh(3));
    rig.connect(A, "a", 1);
    rig.done(A, &[4]);
    rig.pass(Duration::from_millis(100));
    let asked = rig.now.uptime;
    rig.desk.saw_end(rig.now, asked, HERE, 3);
    rig.pass(Duration::from_millis(100));
    rig.desk.saw_end(rig.now, rig.now.uptime, HERE, 5);
    assert_eq!(rig.window().top(), 0, "nothing is finished");
}

/// A worker that finished a record may come before this dispatcher has heard that there is such a record.
#[test]
fn the_truth_about_a_record_that_is_not_known_yet_counts_when_the_end_is_known() {
    let mut rig = Rig::new(5);
    rig.hold(fresh(3));
    rig.connect(A, "a", 0);
    let asked = rig.now.uptime;
    rig.pass(Duration::from_millis(100));
    rig.done(A, &[4]);
    rig.desk.saw_end(rig.now, asked, HERE, 3);
    rig.desk.saw_end(rig.now, rig.now.uptime, HERE, 5);
    assert!(rig.window().is_finished(4));
}

#[test]
fn offsets_without_a_record_are_passed() {
    let mut rig = Rig::new(10);
    rig.remove(&[0, 3, 4, 5]);
    rig.hold(fresh(10));
    rig.connect(A, "a", 10);
    assert_eq!(rig.lend(A), [1, 2, 6, 7, 8, 9]);
    rig.done(A, &[1, 2, 6, 7]);
    assert_eq!(rig.base(), 8);
}

#[test]
fn a_straggler_holds_the_window_open_until_it_is_full_and_not_longer() {
    let mut rig = Rig::new(40_000);
    rig.hold(fresh(40_000));
    rig.connect(A, "a", 20_000);
    let first = rig.lend(A);
    // Every other one is done: the worst pattern there is. A bitmap of 18,080 offsets is the limit.
    assert_eq!(first.len(), 18_080);
    let odd: Vec<_> = first.iter().copied().filter(|offset| offset % 2 == 1).collect();
    rig.done(A, &odd);
    assert!(rig.lend(A).is_empty());
    let report = rig.snapshot().report;
    assert_eq!(report.problems[0].reason, "WindowFull");
    // What lies beyond the window waits, but for no worker.
    let full = &report.partitions[0];
    assert_eq!((full.waiting, full.stuck, full.in_flight), (21_920, 21_920, 9_040));
    assert!(rig.commit(), "what is finished fits");
    rig.done(A, &[0, 2, 4]);
    assert_eq!(rig.lend(A).len(), 6);
    assert_eq!(rig.snapshot().report.partitions[0].stuck, 21_914, "six further on it is full again");
    assert!(rig.commit());
}

#[test]
fn memory_is_bounded_by_what_is_read_and_not_finished() {
    let limits = Limits { pen_records: 3, record_bytes: 10 * 128 };
    let mut rig = Rig::with_limits(100, limits);
    rig.hold(fresh(100));
    rig.connect(A, "a", 50);
    let lent = rig.lend(A);
    assert_eq!(lent.len(), 10, "ten empty records of 128 bytes");
    rig.done(A, &lent[3..]);
    for &offset in &lent[..3] {
        rig.fail(A, offset, FailureClass::Transient);
    }
    assert!(rig.lend(A).is_empty(), "the pen is full");
    rig.pass(Duration::from_secs(1));
    assert_eq!(rig.lend(A).len(), 10);
}

#[test]
fn what_is_too_old_is_given_up_unlent_also_between_attempts() {
    let mut rig = Rig::with_retry(3, |retry| retry.max_age_ms = Some(60_000));
    rig.hold(fresh(3));
    rig.connect(A, "a", 1);
    assert_eq!(rig.lend(A), [0]);
    rig.fail(A, 0, FailureClass::Transient);
    rig.pass(Duration::from_secs(61));
    assert!(rig.lend(A).is_empty(), "neither its second attempt nor the others' first");
    let letters = rig.desk.take_dead_letters();
    let given_up: Vec<_> =
        letters.iter().map(|letter| (letter.record.id.offset, letter.cause.reason.as_str())).collect();
    assert_eq!(given_up, [(0, "Expired"), (1, "Expired"), (2, "Expired")]);
    for letter in &letters {
        rig.desk.buried(rig.now, letter.record.id, "Expired");
    }
    assert_eq!((rig.base(), rig.tally().dead_letters_by_reason["Expired"]), (3, 3));
}

#[test]
fn a_record_that_blocks_is_lent_again_and_again_and_reported_until_it_succeeds() {
    let mut rig = Rig::with_retry(3, |retry| retry.on_exhausted = OnExhausted::Block);
    rig.hold(fresh(3));
    rig.connect(A, "a", 3);
    assert_eq!(rig.lend(A), [0, 1, 2]);
    rig.done(A, &[1, 2]);
    for _ in 0..5 {
        rig.fail(A, 0, FailureClass::Permanent);
        let problems = rig.snapshot().report.problems;
        assert!(
            problems[0].reason == "RecordsBlocked" && problems[0].message.contains("photos[0] offset 0"),
            "{problems:?}"
        );
        assert!(rig.lend(A).is_empty(), "it rests for the longest pause");
        rig.pass(Duration::from_mins(1));
        assert_eq!((rig.lend(A), rig.base()), (vec![0], 0));
    }
    rig.done(A, &[0]);
    assert_eq!((rig.base(), rig.snapshot().report.problems), (3, Vec::new()));
    assert!(rig.desk.take_dead_letters().is_empty());
}

#[test]
fn what_is_skipped_is_counted_as_skipped() {
    let mut rig = Rig::with_retry(1, |retry| retry.on_exhausted = OnExhausted::Skip);
    rig.hold(fresh(1));
    rig.connect(A, "a", 1);
    rig.lend(A);
    rig.fail(A, 0, FailureClass::Permanent);
    let letters = rig.desk.take_dead_letters();
    assert_eq!((letters.len(), rig.base()), (1, 0), "a failure event may be due first");
    rig.desk.buried(rig.now, letters[0].record.id, "Other");
    assert_eq!((rig.base(), rig.tally().skipped, rig.tally().dead_lettered()), (1, 1, 0));
}

#[test]
fn given_up_partitions_leave_nothing_behind() {
    let mut rig = Rig::new(5);
    rig.hold(fresh(5));
    rig.connect(A, "a", 2);
    assert_eq!(rig.lend(A), [0, 1]);
    rig.fail(A, 0, FailureClass::Transient);
    rig.desk.close(&[HERE]);
    assert!(rig.lend(A).is_empty(), "nothing is lent of what is handed over");
    rig.done(A, &[1]);
    assert!(rig.commit(), "outcomes count until the last commit");
    rig.desk.release(rig.now, &[HERE]);
    rig.hold_second(fresh(5));
    assert_eq!(rig.lent(A).len(), 2, "both slots are free again");
}

#[test]
fn a_commit_that_failed_is_made_again() {
    let mut rig = Rig::new(2);
    rig.hold(fresh(2));
    rig.connect(A, "a", 1);
    rig.lend(A);
    rig.done(A, &[0]);
    let batch = rig.desk.take_commit();
    assert_eq!((batch.entries[0].offset, batch.received.as_slice()), (1, &[(A, 1)][..]));
    rig.desk.not_committed(rig.now.uptime, &batch);
    assert!(!rig.acknowledged(A));
    assert!(rig.commit());
    assert!(rig.acknowledged(A));
    assert!(!rig.commit(), "nothing changed");
}

/// A partition that is given up is its next holder's matter; what no commit stored is known to workers alone, and
/// they must not be told to forget it when the partitions that stay are committed.
#[test]
fn what_no_commit_stored_of_a_partition_that_is_gone_stays_with_the_workers() {
    for stored in [false, true] {
        let mut rig = Rig::new(2);
        rig.hold(fresh(2));
        rig.connect(A, "a", 1);
        rig.lend(A);
        rig.done(A, &[0]);
        rig.desk.close(&[HERE]);
        let batch = rig.desk.take_commit();
        if stored {
            rig.desk.committed(rig.now.uptime, &batch);
        } else {
            rig.desk.not_committed(rig.now.uptime, &batch);
        }
        rig.desk.release(rig.now, &[HERE]);
        rig.commit();
        assert_eq!(rig.acknowledged(A), stored);
        rig.pass(Duration::from_secs(61));
        rig.commit();
        assert!(stored || rig.acknowledged(A), "not for ever: the next holder has had its chance");
    }
}

#[test]
fn a_commit_that_fails_after_its_partition_is_gone_leaves_the_outcomes_with_the_workers() {
    let mut rig = Rig::new(2);
    rig.hold(fresh(2));
    rig.connect(A, "a", 1);
    rig.lend(A);
    rig.done(A, &[0]);
    let batch = rig.desk.take_commit();
    rig.desk.release(rig.now, &[HERE]);
    rig.desk.not_committed(rig.now.uptime, &batch);
    rig.commit();
    assert!(!rig.acknowledged(A));
}

#[test]
fn a_partition_without_a_past_is_lent_when_its_first_position_is_stored() {
    let mut rig = Rig::new(1);
    rig.connect(A, "a", 1);
    rig.hold_unwritten(fresh(1));
    assert!(rig.lend(A).is_empty());
    let batch = rig.desk.take_commit();
    rig.desk.not_committed(rig.now.uptime, &batch);
    assert!(rig.lend(A).is_empty(), "the next holder would not know that somebody works on it");
    assert!(rig.commit());
    assert_eq!(rig.lend(A), [0]);
}

/// The worker lets go of a record, not of a loan: also where a loan of it ended before, by its deadline.
#[test]
fn a_record_that_its_worker_got_twice_takes_one_slot_and_frees_it() {
    let mut rig = Rig::new(3);
    rig.hold(fresh(3));
    rig.connect(A, "a", 2);
    assert_eq!(rig.lend(A), [0, 1]);
    rig.pass(Duration::from_secs(9));
    rig.extend(A, &[1]);
    rig.pass(Duration::from_secs(2));
    rig.done(A, &[1]);
    assert_eq!(rig.lend(A), [0], "it had hung, and gets it once more");
    rig.done(A, &[0]);
    assert_eq!(rig.lend(A), [2]);
    rig.done(A, &[2]);
    assert_eq!(rig.snapshot().report.workers[0].busy, 0);
}

/// The last offset of a log is often a marker without a record. Whoever counts it keeps slots free for it for ever,
/// and records that wait at other dispatchers never get them.
#[test]
fn workers_are_told_of_records_and_not_of_the_end_of_the_log() {
    let mut rig = Rig::new(3);
    rig.remove(&[2]);
    rig.hold(fresh(3));
    rig.connect(A, "a", 2);
    assert_eq!(rig.desk.lendable(rig.now), 3, "nobody has looked yet");
    assert_eq!(rig.lend(A), [0, 1]);
    rig.done(A, &[0, 1]);
    assert!(rig.lend(A).is_empty());
    assert_eq!(rig.desk.lendable(rig.now), 0);
}

#[test]
fn workers_hear_of_a_large_change_at_once_and_of_a_small_one_within_a_second() {
    let mut rig = Rig::new(200);
    rig.hold(fresh(100));
    rig.connect(A, "a", 0);
    rig.messages(A);
    let told = |rig: &mut Rig, end: i64| -> Vec<u64> {
        rig.desk.saw_end(rig.now, rig.now.uptime, HERE, end);
        rig.desk.tell_backlog(rig.now);
        let backlog = |message| if let Out::Backlog(backlog) = message { Some(backlog.waiting) } else { None };
        rig.messages(A).into_iter().filter_map(backlog).collect()
    };
    assert_eq!(told(&mut rig, 100), [100], "the first");
    assert_eq!(told(&mut rig, 105), [0; 0], "a twentieth");
    assert_eq!(told(&mut rig, 113), [113], "more than an eighth");
    assert_eq!(told(&mut rig, 114), [0; 0]);
    rig.pass(Duration::from_secs(1));
    assert_eq!(told(&mut rig, 114), [114], "a second later");
    rig.pass(Duration::from_secs(1));
    assert_eq!(told(&mut rig, 114), [0; 0], "nothing changed");
}

/// Deadlines go by uptime: what the wall clock does changes ages in reports, and nothing else.
#[test]
fn a_wall_clock_that_jumps_neither_ends_loans_nor_loses_records() {
    const HOUR_MS: i64 = 3_600_000;
    for jump in [HOUR_MS, -HOUR_MS] {
        let mut rig = Rig::new(4);
        rig.hold(fresh(4));
        rig.connect(A, "a", 2);
        assert_eq!(rig.lend(A), [0, 1]);
        rig.now.unix_ms += jump;
        rig.pass(Duration::from_secs(1));
        assert_eq!(rig.tally().lost, 0, "jump by {jump} ms");
        rig.done(A, &[0, 1]);
        assert_eq!(rig.lend(A), [2, 3]);
        rig.done(A, &[2, 3]);
        assert_eq!((rig.base(), rig.tally().done), (4, 4));
        let report = rig.snapshot().report;
        assert!(report.partitions.iter().all(|partition| partition.waiting == 0 && partition.oldest_wait_ms == 0));
    }
}
