//! Texts that anybody may have written, with a checksum that matches: read or refused, never believed beyond what they
//! say, whatever the log looks like.
#![allow(clippy::unwrap_used)]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use imagejob_ledger::{Log, TopicId, Window, decode, encode, restore};
use proptest::prelude::*;

/// Fields of any content in the right places, and a checksum that matches.
fn text() -> impl Strategy<Value = String> {
    let base = prop_oneof![3 => (0..1_000_i64).prop_map(|base| base.to_string()), 1 => "[-+0-9]{0,20}"];
    let topic = prop_oneof![3 => Just(Vec::new()), 1 => Just(vec![7; 16]), 1 => any::<Vec<u8>>()];
    let bytes = |most| prop::collection::vec(any::<u8>(), 0..most);
    // Small numbers are one byte each in LEB128, so that many of these runs make sense.
    let runs = prop::collection::vec(0..20_u8, 0..60);
    let marks = prop_oneof![runs, bytes(200)];
    (base, topic, "[BRX]", marks, bytes(30)).prop_map(|(base, topic, kind, marks, attempts)| {
        let [topic, marks, attempts] = [topic, marks, attempts].map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        let body = format!("IJ1.{base}.{topic}.{kind}{marks}.{attempts}.");
        format!("{body}{:08x}", crc32fast::hash(body.as_bytes()))
    })
}

/// Windows as work leaves them behind.
fn window() -> impl Strategy<Value = Window> {
    let runs = prop::collection::vec((1..20_i64, 1..20_i64), 0..10);
    (0..500_i64, runs, prop::collection::vec(0..300_i64, 0..5)).prop_map(|(base, runs, failed)| {
        let mut window = Window::new(base);
        let mut end = base;
        for (hole, length) in runs {
            window.mark_gap(end + hole..end + hole + length);
            end += hole + length;
        }
        for offset in failed {
            window.note_failure(base + offset);
        }
        window
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// What is believed can be written again and says the same: nothing is misread.
    #[test]
    fn what_is_believed_says_the_same_when_written_again(text in text()) {
        if let Ok(ledger) = decode(&text) {
            let again = encode(&ledger.window, ledger.topic).unwrap();
            prop_assert_eq!(decode(&again), Ok(ledger));
        }
    }

    /// Against any log and any committed offset: a record counts as finished if it lies before the committed
    /// offset, or was deleted, or the ledger says so and belongs here. Nothing else does.
    #[test]
    fn nothing_else_is_finished(
        window in window(),
        written_for in prop::option::of(Just(TopicId([1; 16]))),
        committed in prop_oneof![3 => Just(0_i64), 1 => -30..30_i64],
        (start, length) in (0..700_i64, 0..700_i64),
        found in prop::option::of((1..3_u8).prop_map(|id| TopicId([id; 16]))),
    ) {
        let committed = (window.base() + committed).max(0);
        let log = Log { start, end: start + length, topic: found };
        let restored = restore(&encode(&window, written_for).unwrap(), committed, log);
        let another = matches!((written_for, found), (Some(written), Some(found)) if written != found);
        let belongs = committed == window.base() && window.top() <= log.end && !another;
        prop_assert_eq!(restored.void.is_none(), belongs && committed <= log.end);
        let from_here = if committed > log.end { log.start } else { committed };
        for offset in log.start..log.end {
            let finished = offset < from_here || (restored.void.is_none() && window.is_finished(offset));
            prop_assert_eq!(restored.window.is_finished(offset), finished, "{}", offset);
        }
        prop_assert!(restored.window.base() >= log.start, "what was deleted is not read");
    }
}
