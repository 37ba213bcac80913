//! The metadata of a commit, which any tool may have written: with the checksum as it is, and with the right one, so
//! that what is behind it is reached. What is believed says the same when it is written again.
#![no_main]

use imagejob_fuzz::{caps, within};
use imagejob_ledger::{Log, TopicId, decode, encode, restore};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    within(caps::of_parsing(text.len()), || {
        read(text);
        let body = text.rsplit_once('.').map_or(text, |(body, _)| body);
        read(&format!("{body}.{:08x}", crc32fast::hash(format!("{body}.").as_bytes())));
    });
});

fn read(text: &str) {
    let Ok(ledger) = decode(text) else { return };
    let (base, top) = (ledger.window.base(), ledger.window.top());
    // Not everything that is read came from us and can be written in the room that there is.
    if let Ok(again) = encode(&ledger.window, ledger.topic) {
        assert_eq!(
            decode(&again).map(|again| again.window.runs().collect::<Vec<_>>()),
            Ok(ledger.window.runs().collect())
        );
    }
    for log in [(0, top), (base, i64::MAX), (top, top), (0, base)] {
        let log = Log { start: log.0, end: log.1, topic: Some(TopicId([7; 16])) };
        let restored = restore(text, base, log);
        assert!(restored.window.base() >= log.start, "what was deleted is not read");
    }
}
