//! The encoding is a contract: dispatchers of different builds read each other's ledgers.
#![allow(clippy::unwrap_used)]

use imagejob_ledger::{Ledger, TopicId, Window, decode, encode};

struct Case {
    name: &'static str,
    window: Window,
    topic: Option<TopicId>,
    text: &'static str,
}

fn cases() -> Vec<Case> {
    let nothing = Window::new(0);

    let mut runs = Window::new(1_000);
    runs.mark_gap(1_001..1_004);
    runs.mark_gap(1_300..2_000);

    let mut bitmap = Window::new(70);
    for offset in [71, 73, 74, 76, 78, 79, 81, 84, 85, 87] {
        bitmap.mark_gap(offset..offset + 1);
    }

    let mut attempts = Window::new(5_000_000_000);
    attempts.mark_gap(5_000_000_001..5_000_000_002);
    attempts.note_failure(5_000_000_000);
    attempts.note_failure(5_000_000_200);
    attempts.note_loss(5_000_000_200);
    attempts.note_loss(5_000_000_200);

    let topic =
        Some(TopicId([0x5a, 0x10, 0xff, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c]));
    vec![
        Case { name: "nothing beyond", window: nothing, topic: None, text: "IJ1.0..R..9ef36c5f" },
        Case { name: "run-lengths", window: runs, topic: None, text: "IJ1.1000..RAQOoArwF..f0325c75" },
        Case { name: "bitmap", window: bitmap, topic, text: "IJ1.70.WhD_AAECAwQFBgcICQoLDA.BWssC..bcb1ffb5" },
        Case { name: "attempts", window: attempts, topic: None, text: "IJ1.5000000000..BAg.AAEAyAEBAg.4190ddff" },
    ]
}

#[test]
fn texts_are_as_they_have_always_been() {
    for Case { name, window, topic, text } in cases() {
        assert_eq!(encode(&window, topic).unwrap(), text, "{name}");
        assert_eq!(decode(text), Ok(Ledger { window, topic }), "{name}");
    }
}
