//! Dispatchers, workers, a broker and the network between them in virtual time: the state machines are those
//! of production, everything around them is here. A seed decides what happens.
//!
//! Safety at every commit and every lease: nothing is committed that has not ended, no worker has more items
//! than slots, no commit goes back, no dead letter counts more than happened. Then liveness: with the trouble over,
//! everything ends and nothing is left.
//!
//! `SEED=7 cargo test -p imagejob-leasing --test simulation -- --nocapture` repeats one schedule and shows its end.
#![allow(clippy::unwrap_used)]
#![allow(clippy::unnecessary_wraps, reason = "whatever happens may break a promise: all handlers look alike")]
#![allow(clippy::wrong_self_convention, reason = "they are named after the events: `to_worker` arrives there")]

mod broker;
mod bugs;
mod dispatcher;
mod dispatching;
mod group;
mod network;
mod trouble;
mod violation;
mod worker;
mod working;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::bugs::Bug;
use crate::violation::{Violation, ensure};
use crate::world::World;

/// Steps of a schedule that are shown when it fails, unless `SHOWN` says how many.
const SHOWN: usize = 60;

/// Which promise a schedule is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weather {
    /// Everything goes wrong: nothing is lost.
    Storm,
    /// No worker dies and no stream breaks by itself: nothing is done twice either.
    Calm,
}

fn simulate(seed: u64, weather: Weather, bug: Option<Bug>, trace: bool) -> (World, Result<(), Violation>) {
    let mut world = World::new(seed, weather == Weather::Calm, bug, trace);
    let result = world.run().and_then(|()| {
        let twice = world.twice();
        ensure(weather == Weather::Storm || twice.is_empty(), || format!("done twice: {twice:?}"))
    });
    (world, result)
}

/// The first `count` seeds on all cores, or the one that `SEED` names; the first that fails is shown.
fn every_schedule(weather: Weather, count: u64) {
    if let Ok(seed) = std::env::var("SEED") {
        return show(seed.parse().expect("SEED is a number"), weather);
    }
    let (next, failed) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
    #[allow(clippy::disallowed_methods, reason = "the speed is printed; nothing depends on it")]
    let begun = Instant::now();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|threads| {
        for _ in 0..cores {
            threads.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= count.min(failed.load(Ordering::Relaxed)) {
                        break;
                    }
                    if simulate(seed, weather, None, false).1.is_err() {
                        failed.fetch_min(seed, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner();
    if failed < count {
        show(failed, weather);
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!("{weather:?}: {count} schedules in {seconds:.1} s, {:.0} a second", count as f64 / seconds);
}

fn show(seed: u64, weather: Weather) {
    let (world, result) = simulate(seed, weather, None, true);
    if let Err(Violation(sentence)) = result {
        let shown = std::env::var("SHOWN").ok().and_then(|count| count.parse().ok()).unwrap_or(SHOWN);
        panic!("{}\n{:?}\nSEED={seed}, {weather:?}: {sentence}", world.trace(shown), world.plan);
    }
}

#[test]
fn nothing_is_lost_whatever_goes_wrong() {
    every_schedule(Weather::Storm, 5_000);
}

#[test]
fn nothing_is_done_twice_while_workers_live() {
    every_schedule(Weather::Calm, 5_000);
}

/// The same seed is the same schedule, or no failure could be repeated.
#[test]
fn a_seed_repeats_its_schedule() {
    for seed in 0..20 {
        let [first, second] = [(); 2].map(|()| simulate(seed, Weather::Storm, None, true).0.trace(usize::MAX));
        assert!(first == second, "SEED={seed}");
    }
}

/// A simulation that cannot fail shows nothing: each planted defect must be found, and soon.
#[test]
fn planted_bugs_are_found() {
    for bug in Bug::ALL {
        let found = (0..500).find_map(|seed| {
            let found = |weather| simulate(seed, weather, Some(bug), false).1.err();
            found(Weather::Calm).or_else(|| found(Weather::Storm)).map(|violation| (seed, violation))
        });
        let (seed, Violation(sentence)) = found.unwrap_or_else(|| panic!("{bug:?} was not found"));
        println!("{bug:?}: seed {seed}: {sentence}");
    }
}
