//! Sizes up to the limits, and what is given up when not everything fits.
#![allow(clippy::unwrap_used)]

use imagejob_ledger::{Attempts, Finish, MAX_ENCODED_LEN, MAX_WINDOW, Window, WindowFull, decode, encode};

/// Offsets that the bitmap holds at most: 2,260 bytes.
const BITMAP: i64 = 18_080;

fn every_other(span: i64) -> Window {
    let mut window = Window::new(0);
    for offset in (1..span).step_by(2) {
        window.mark_gap(offset..offset + 1);
    }
    window
}

#[test]
fn the_worst_pattern_fills_a_bitmap_and_no_more() {
    let fits = every_other(BITMAP);
    let text = encode(&fits, None).unwrap();
    assert!(text.len() <= MAX_ENCODED_LEN, "{}", text.len());
    assert_eq!(decode(&text).unwrap().window, fits);

    // The envelope is shorter than its longest form here, so a few more bytes are left.
    let too_wide = every_other(BITMAP + 400);
    assert_eq!(encode(&too_wide, None), Err(WindowFull { base: 0 }));
}

#[test]
fn a_bitmap_is_always_admitted_and_beyond_it_the_holes_count() {
    let empty = Window::new(0);
    assert!(empty.admits(BITMAP - 1), "nothing finished, the bitmap fits");
    assert!(!empty.admits(BITMAP), "18,081 holes could lie in the worst order");

    let mut window = Window::new(0);
    window.mark_gap(256..900_000);
    assert!(window.admits(900_000), "256 holes at one end, the rest finished");
    assert!(window.admits(900_000 + 300));
    assert!(!window.admits(900_000 + 3_000), "3,256 holes could lie in the worst order");
}

#[test]
fn the_window_ends_at_1_048_576_offsets() {
    let mut window = Window::new(1_000);
    let last = 1_000 + MAX_WINDOW as i64 - 1;
    window.mark_gap(1_001..last);
    assert!(window.admits(last));
    assert!(!window.admits(last + 1));
    assert_eq!(window.finish(1_000), Finish::Advanced);
    assert!(window.admits(last + 1), "it has moved");
}

#[test]
fn the_lowest_unfinished_offset_is_admitted_even_when_nothing_else_is() {
    let window = every_other(BITMAP + 4_000);
    assert!(!window.admits(window.top()));
    assert!(window.admits(window.base()));
}

#[test]
fn a_gap_of_a_billion_compacted_offsets_is_one_run() {
    let mut window = Window::new(5);
    assert_eq!(window.mark_gap(6..1_000_000_006), 1_000_000_000);
    let text = encode(&window, None).unwrap();
    assert!(text.len() < 64, "{text}");
    assert_eq!(decode(&text).unwrap().window, window);
}

#[test]
fn when_attempts_do_not_fit_the_largest_counts_stay() {
    let mut window = every_other(15_000);
    for offset in (0..15_000).step_by(2) {
        window.note_failure(offset);
        if offset % 1_000 == 0 {
            window.note_loss(offset);
        }
    }
    let text = encode(&window, None).unwrap();
    assert!(text.len() <= MAX_ENCODED_LEN);
    let read = decode(&text).unwrap().window;
    assert!(read.runs().eq(window.runs()), "every finished mark survives");
    for offset in (0..15_000).step_by(1_000) {
        assert_eq!(read.attempts(offset), Attempts { failures: 1, losses: 1 }, "{offset}");
    }
    let kept = read.all_attempts().count();
    assert!((15..7_500).contains(&kept), "{kept}");
}

#[test]
fn finishing_forgets_attempts() {
    let mut window = Window::new(0);
    assert_eq!(window.note_failure(3), Attempts { failures: 1, losses: 0 });
    assert_eq!(window.note_loss(3), Attempts { failures: 1, losses: 1 });
    assert_eq!(window.finish(3), Finish::Noted);
    assert_eq!(window.attempts(3), Attempts::default());
    assert_eq!(window.note_loss(3), Attempts::default(), "a finished record has none");
}
