//! The window and its encoding against a naive model: a set of finished offsets.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use imagejob_ledger::{Attempts, Finish, Ledger, MAX_ENCODED_LEN, TopicId, Window, decode, encode};
use proptest::prelude::*;

/// Everything the window knows, one offset at a time.
#[derive(Default)]
struct Model {
    base: i64,
    finished: BTreeSet<i64>,
    attempts: BTreeMap<i64, Attempts>,
}

impl Model {
    fn is_finished(&self, offset: i64) -> bool {
        offset < self.base || self.finished.contains(&offset)
    }

    fn finish(&mut self, offset: i64) -> bool {
        if self.is_finished(offset) {
            return false;
        }
        self.finished.insert(offset);
        self.attempts.remove(&offset);
        while self.finished.remove(&self.base) {
            self.base += 1;
        }
        true
    }
}

#[derive(Clone, Debug)]
enum Action {
    Finish(i64),
    Gap(i64, i64),
    Fail(i64),
    Lose(i64),
}

fn actions(span: i64) -> impl Strategy<Value = Vec<Action>> {
    let action = prop_oneof![
        6 => (-5..span).prop_map(Action::Finish),
        1 => (-5..span, 0..40_i64).prop_map(|(start, len)| Action::Gap(start, start + len)),
        1 => (-5..span).prop_map(Action::Fail),
        1 => (-5..span).prop_map(Action::Lose),
    ];
    prop::collection::vec(action, 0..300)
}

fn play(base: i64, actions: &[Action]) -> (Window, Model) {
    let mut window = Window::new(base);
    let mut model = Model { base, ..Model::default() };
    for action in actions {
        match *action {
            Action::Finish(offset) => {
                let before = window.base();
                let expected = model.finish(base + offset);
                let finish = window.finish(base + offset);
                assert_eq!(finish != Finish::Repeated, expected);
                assert_eq!(finish == Finish::Advanced, window.base() > before);
            }
            Action::Gap(start, end) => {
                let newly = (start..end).filter(|offset| model.finish(base + offset)).count();
                assert_eq!(window.mark_gap(base + start..base + end), newly as u64);
            }
            Action::Fail(offset) => {
                let counts = window.note_failure(base + offset);
                if !model.is_finished(base + offset) {
                    let expected = model.attempts.entry(base + offset).or_default();
                    expected.failures += 1;
                    assert_eq!(counts, *expected);
                }
            }
            Action::Lose(offset) => {
                let counts = window.note_loss(base + offset);
                if !model.is_finished(base + offset) {
                    let expected = model.attempts.entry(base + offset).or_default();
                    expected.losses += 1;
                    assert_eq!(counts, *expected);
                }
            }
        }
    }
    (window, model)
}

proptest! {
    #[test]
    fn window_agrees_with_a_set_of_offsets(base in 0..1_000_i64, actions in actions(120)) {
        let (window, model) = play(base, &actions);
        prop_assert_eq!(window.base(), model.base);
        prop_assert_eq!(window.finished_beyond(), model.finished.len() as u64);
        prop_assert_eq!(window.top(), model.finished.last().map_or(model.base, |last| last + 1));
        prop_assert_eq!(window.runs().flatten().collect::<BTreeSet<_>>(), model.finished.clone());
        prop_assert_eq!(window.all_attempts().collect::<BTreeMap<_, _>>(), model.attempts.clone());
        for offset in base - 10..base + 200 {
            prop_assert_eq!(window.is_finished(offset), model.is_finished(offset));
        }
        let unfinished = (model.base..base + 300).filter(|&o| !model.is_finished(o)).count();
        prop_assert_eq!(window.unfinished_below(base + 300), unfinished as u64);
    }

    #[test]
    fn what_was_encoded_is_decoded(
        base in 0..i64::MAX / 2,
        actions in actions(2_000),
        topic in prop::option::of(any::<[u8; 16]>()),
    ) {
        let (window, _) = play(base, &actions);
        let topic = topic.map(TopicId);
        let text = encode(&window, topic).unwrap();
        prop_assert!(text.is_ascii() && text.len() <= MAX_ENCODED_LEN);
        prop_assert_eq!(decode(&text), Ok(Ledger { window, topic }));
    }

    /// Workers take on records in order and finish them in any order, with some far behind: whatever
    /// was admitted can be written down at every moment.
    #[test]
    fn admitted_work_always_fits(
        base in 0..1_i64 << 60,
        slots in 1..3_000_usize,
        stragglers in 0..400_usize,
        picks in prop::collection::vec(any::<prop::sample::Index>(), 600),
        chunk in 1..64_usize,
    ) {
        let mut window = Window::new(base);
        let mut on_loan: Vec<i64> = Vec::new();
        let mut next = base;
        for (round, pick) in picks.iter().enumerate() {
            for _ in 0..chunk {
                while on_loan.len() < slots + stragglers && window.admits(next) {
                    on_loan.push(next);
                    next += 1;
                }
                let free = on_loan.len().saturating_sub(stragglers).max(1);
                let candidate = on_loan.len() - 1 - pick.index(on_loan.len()).min(free - 1);
                prop_assert_ne!(window.finish(on_loan.remove(candidate)), Finish::Repeated);
                if on_loan.is_empty() {
                    break;
                }
            }
            if round % 100 == 0 {
                prop_assert!(encode(&window, Some(TopicId([7; 16]))).is_ok());
            }
            if on_loan.is_empty() && !window.admits(next) {
                break;
            }
        }
        prop_assert!(encode(&window, Some(TopicId([7; 16]))).is_ok());
    }


    #[test]
    fn no_changed_byte_is_believed(
        actions in actions(500),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let (window, _) = play(40_000, &actions);
        let text = encode(&window, None).unwrap();
        let mut bytes = text.clone().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(ledger) = decode(&String::from_utf8_lossy(&bytes)) {
            prop_assert_eq!(ledger, Ledger { window, topic: None });
        }
    }

    #[test]
    fn no_cut_is_believed(actions in actions(500), at in any::<prop::sample::Index>()) {
        let (window, _) = play(40_000, &actions);
        let text = encode(&window, None).unwrap();
        prop_assert!(decode(&text[..at.index(text.len())]).is_err());
    }

    #[test]
    fn any_text_is_read_without_panic(text in ".{0,200}") {
        prop_assert!(decode(&text).is_err());
        let with_magic = format!("IJ1.{text}");
        prop_assert!(decode(&with_magic).is_err());
    }
}
