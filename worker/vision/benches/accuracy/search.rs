//! `posterMatch` on a set: is the right one of many found first, how long does that take, and in how much memory?

use std::sync::Arc;

use imagejob_truth::{Picture, Poster};
use imagejob_vision::poster::{Gallery, Reference};
use imagejob_vision::registration::View;

use crate::gates::Gate::AtLeast;
use crate::gates::{Gates, percent};
use crate::posters::decoded;
use crate::{in_parallel, speed};

/// Candidates, as a job asks for if it does not say how many.
const TOP: usize = 3;

/// Photographs whose search is timed.
const TIMED: usize = 30;

/// Looks for each photograph, of the poster with its index, in a set of so many.
pub(crate) fn run(gates: &mut Gates, seed: u64, posters: u64, photographs: &[(usize, &View)], art: &[Picture]) {
    let numbers: Vec<u64> = (0..posters).collect();
    let before = resident();
    let reference = |&i: &u64| {
        let jpeg = Poster::design(seed << 32 | i, art.len()).draw(art).to_jpeg(92);
        Arc::new(Reference::prepare_lean(&decoded(&jpeg, u32::MAX)).unwrap())
    };
    let gallery = Gallery::of(in_parallel(&numbers, reference));
    let kib = resident().saturating_sub(before) / posters;
    let found = in_parallel(photographs, |(_, view)| gallery.search(view, TOP, seed));
    let right = |rank: usize| {
        let pairs = photographs.iter().zip(&found);
        let hits = pairs.filter(|((of, _), found)| found.iter().take(rank).any(|candidate| candidate.index == *of));
        percent(hits.count(), photographs.len())
    };
    gates.check(&format!("found first in a set of {posters}, %"), right(1), AtLeast(99.0));
    println!("  among the first {TOP} of {posters}: {:.2} %; about {kib} KiB resident for each reference", right(TOP));
    let timed = photographs.iter().step_by(photographs.len().div_ceil(TIMED));
    let times: Vec<f64> = timed.map(|(_, view)| speed::millis(|| drop(gallery.search(view, TOP, seed)))).collect();
    speed::print(&format!("search among {posters}"), &times);
}

/// KiB of memory that this process has.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
