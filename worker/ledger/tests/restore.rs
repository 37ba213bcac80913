//! When a ledger counts, and what happens when it does not.
#![allow(clippy::unwrap_used)]

use imagejob_ledger::{Log, Restored, TopicId, VoidReason, Window, encode, restore};

const TOPIC: TopicId = TopicId([1; 16]);
const LOG: Log = Log { start: 0, end: 1_000, topic: None };

/// Committed at 100, with 105..110 finished beyond it.
fn window() -> Window {
    let mut window = Window::new(100);
    window.mark_gap(105..110);
    window.note_failure(103);
    window
}

fn ledger() -> String {
    encode(&window(), Some(TOPIC)).unwrap()
}

#[test]
fn a_ledger_of_this_log_counts() {
    let same_topic = Log { topic: Some(TOPIC), ..LOG };
    let ends_at_its_top = Log { end: 110, ..LOG };
    for log in [LOG, same_topic, ends_at_its_top] {
        let expected = Restored { window: window(), void: None, expired: 0 };
        assert_eq!(restore(&ledger(), 100, log), expected, "{log:?}");
    }
}

#[test]
fn a_commit_without_metadata_is_no_reason_to_complain() {
    let expected = Restored { window: Window::new(100), void: None, expired: 0 };
    assert_eq!(restore("", 100, LOG), expected);
}

/// Each doubtful ledger is void for its own reason, and reading goes on at the committed offset.
#[test]
fn doubtful_ledgers_are_void() {
    let text = ledger();
    let cut = &text[..text.len() - 3];
    let changed = text.replacen("IJ1.100.", "IJ1.101.", 1);
    let other_version = text.replacen("IJ1", "IJ2", 1);
    let recreated = Log { topic: Some(TopicId([2; 16])), ..LOG };
    let shorter = Log { end: 109, ..LOG };
    let cases: [(&str, &str, i64, Log); 9] = [
        ("Foreign", "left by another tool", 100, LOG),
        ("Foreign", "中文", 100, LOG),
        ("OtherVersion", &other_version, 100, LOG),
        ("ChecksumMismatch", cut, 100, LOG),
        ("ChecksumMismatch", &changed, 100, LOG),
        ("ChecksumMismatch", "IJ1.é", 100, LOG),
        ("OtherOffset", &text, 90, LOG),
        ("OtherTopic", &text, 100, recreated),
        ("BeyondLogEnd", &text, 100, shorter),
    ];
    for (reason, metadata, committed, log) in cases {
        let restored = restore(metadata, committed, log);
        assert_eq!(restored.void.map(VoidReason::as_str), Some(reason), "{metadata}");
        assert_eq!(restored.window, Window::new(committed), "{metadata}");
        assert_eq!(restored.expired, 0, "{metadata}");
    }
}

#[test]
fn content_that_makes_no_sense_is_void_although_its_checksum_matches() {
    for body in [
        "IJ1.100..R..extra.",
        "IJ1.0100..R..",
        "IJ1.-5..R..",
        "IJ1.100..X..",
        "IJ1.100...",
        "IJ1.100.AAAA.R..",
        "IJ1.100..RAAU..",      // a hole of length 0
        "IJ1.100..RBQA..",      // a run of length 0
        "IJ1.100..RBQ..",       // a hole without a run
        "IJ1.100..BAQ..",       // the base itself finished
        "IJ1.100..BAgA..",      // a bitmap with a byte too many
        "IJ1.100..RAQE.AQEA.",  // a failure of a finished offset
        "IJ1.100..R.AAAA.",     // attempts of nothing
        "IJ1.100..R.AAEAAAEA.", // the same offset twice
    ] {
        let text = format!("{body}{:08x}", crc32fast::hash(body.as_bytes()));
        let restored = restore(&text, 100, LOG);
        assert_eq!(restored.void.map(VoidReason::as_str), Some("Malformed"), "{body}");
        assert_eq!(restored.window, Window::new(100), "{body}");
    }
}

#[test]
fn what_retention_removed_is_counted_and_skipped() {
    // 100..105 and 110..150 were unfinished, 105..110 were done.
    let log = Log { start: 150, ..LOG };
    let expected = Restored { window: Window::new(150), void: None, expired: 45 };
    assert_eq!(restore(&ledger(), 100, log), expected);
}

#[test]
fn retention_within_the_window_keeps_the_marks_beyond() {
    let restored = restore(&ledger(), 100, Log { start: 103, ..LOG });
    assert_eq!(restored.expired, 3);
    assert_eq!(restored.window.base(), 103);
    assert!(restored.window.runs().eq(std::iter::once(105..110)));
    assert_eq!(restored.window.attempts(103).failures, 1);
}

#[test]
fn a_commit_beyond_the_log_starts_over() {
    let restored = restore(&ledger(), 100, Log { start: 20, end: 60, topic: None });
    assert_eq!(restored.void.map(VoidReason::as_str), Some("CommitBeyondLogEnd"));
    assert_eq!(restored.window, Window::new(20));
    assert_eq!(restored.expired, 0);
}
