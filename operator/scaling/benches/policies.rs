//! Prints how policies do against the rivals and against who knows everything, and whether the
//! gates of the scaler are met, or by how much one is missed.
//!
//! `cargo bench -p imagejob-scaling -- 11..21` takes other seeds, `-- 11..21 flash` one workload.

use std::ops::Range;
use std::time::Duration;

use imagejob_scaling::simulate::rivals::{Cron, Keda};
use imagejob_scaling::simulate::traffic::{Scenario, Trace, flash, homework, weekend};
use imagejob_scaling::simulate::{Course, Ours, Scaler, World, clairvoyant, simulate};
use imagejob_scaling::{Amount, Days, Memory, MonthDay, Peak, Policy, Profile, Schedule, Trim, Volume, Weekdays};
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let range = args.iter().find_map(|arg| arg.split_once(".."));
    let range = range.and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    let seeds: Range<u64> = range.unwrap_or(1..4);
    let chosen = |name: &str| args.iter().all(|arg| arg.contains("..") || arg == name);
    println!("seeds {} to {}; waits in seconds", seeds.start, seeds.end - 1);
    for (name, print) in
        [("weekend", gate_weekend as fn(Range<u64>)), ("homework", gate_homework), ("flash", gate_flash)]
    {
        if chosen(name) {
            println!("\n{name}");
            print(seeds.clone());
        }
    }
}

fn world(scenario: &Scenario, wait: f64) -> World {
    World {
        start: scenario.start.parse().expect("a time"),
        slots: scenario.slots,
        per_worker: scenario.per_worker,
        start_up: (3.0, 10.0),
        creates_per_second: 50.0,
        report_delay: 0.3,
        blackout: None,
        wait,
        max_replicas: scenario.max_replicas,
    }
}

/// A policy of a scenario with a promise, and with profiles.
fn policy(scenario: &Scenario, wait: f64, profiles: Vec<Profile>) -> Policy {
    Policy {
        wait: Duration::from_secs_f64(wait),
        max_replicas: scenario.max_replicas,
        slots: scenario.slots,
        profiles,
        ..Policy::default()
    }
}

fn profile(name: &str, days: Days, from: (i8, i8), to: (i8, i8), edit: impl FnOnce(&mut Profile)) -> Profile {
    let time = |(hour, minute)| Time::constant(hour, minute, 0, 0);
    let zone = TimeZone::get("Asia/Shanghai").expect("a zone");
    let mut profile = Profile::new(name, Schedule { days, from: time(from), to: time(to), zone });
    edit(&mut profile);
    profile
}

const TRIM: Option<Trim> = Some(Trim { after: Duration::from_mins(2), factor: 1.5 });

/// The posters of a weekend: two million, with the peaks that people know.
fn weekend_profiles(wait: Option<u64>) -> Vec<Profile> {
    let days = [Weekday::Saturday, Weekday::Sunday].into_iter().collect();
    let peak = |from, to| Peak { from: Time::constant(from, 0, 0, 0), to: Time::constant(to, 0, 0, 0), weight: 6.0 };
    let volume = Volume { records: 2_000_000, peaks: vec![peak(6, 8), peak(9, 10), peak(15, 16)] };
    vec![profile("weekend", days, (0, 0), (0, 0), |p| {
        p.amount = Some(Amount::Volume(volume));
        p.trim = TRIM;
        p.wait = wait.map(Duration::from_secs);
    })]
}

/// Classes that hand in together at 20, 21 and 22 o'clock: 10,000 a second for a minute or so.
fn homework_profiles(spare: u32) -> Vec<Profile> {
    let every = || Days { weekdays: Weekdays::ALL, ..Days::default() };
    let burst = |hour: i8| {
        profile(&format!("at-{hour}"), every(), (hour - 1, 59), (hour, 3), |p| {
            p.amount = Some(Amount::Rate(10_000.0));
            p.trim = TRIM;
        })
    };
    let mut profiles: Vec<Profile> = [20, 21, 22].into_iter().map(burst).collect();
    if spare > 0 {
        profiles.push(profile("ready", every(), (12, 30), (22, 30), |p| p.spare = spare));
    }
    profiles
}

/// The sale: 20,000 a second from midnight for twenty minutes, smaller ones at 01:00 and 02:00.
fn flash_profiles() -> Vec<Profile> {
    let day = MonthDay { month: 11, day: 11 };
    let days = || Days { yearly: vec![(day, day)], ..Days::default() };
    let sale = |name: &str, hour: i8, minutes: i8, rate| {
        profile(name, days(), (hour, 0), (hour, minutes), |p| {
            p.amount = Some(Amount::Rate(rate));
            p.trim = TRIM;
        })
    };
    vec![sale("opening", 0, 20, 20_000.0), sale("second", 1, 5, 8_000.0), sale("third", 2, 5, 8_000.0)]
}

/// What is compared.
struct Figures {
    p95: f64,
    p99: f64,
    late_percent: f64,
    hours: f64,
}

fn figures(name: &str, world: &World, course: &Course, best: f64) -> Figures {
    let [p50, p95, p99] = course.waits.quantiles([0.5, 0.95, 0.99]);
    let late_percent = course.waits.share_above(world.wait) * 100.0;
    let hours = course.pod_hours;
    println!(
        "  {name:<26} p50 {p50:6.2}  p95 {p95:6.2}  p99 {p99:6.2}  max {:7.2}  late {late_percent:7.3} %  \
         pod-hours {hours:8.1} {:6.3}x  peak {:4}  starts {:6}",
        course.waits.longest(),
        hours / best,
        course.peak,
        course.starts
    );
    Figures { p95, p99, late_percent, hours }
}

fn ours(name: &str, world: &World, trace: &Trace, policy: &Policy, memory: Memory, seed: u64, best: f64) -> Figures {
    let course = simulate(world, trace, &mut Ours::new(world, policy, memory), seed);
    figures(name, world, &course, best)
}

fn rival(name: &str, world: &World, trace: &Trace, scaler: &mut dyn Scaler, seed: u64, best: f64) -> Figures {
    figures(name, world, &simulate(world, trace, scaler, seed), best)
}

fn tuned(world: &World, trace: &Trace, policy: &Policy) -> Keda {
    Keda::tuned(u32::MAX, Cron::after(policy, world, trace.seconds()), world, 7.0)
}

/// Prints a gate.
fn gate(what: &str, value: f64, most: f64) {
    let verdict = if value <= most { "met".to_owned() } else { format!("MISSED by {:.3}", value - most) };
    println!("  gate {what}: {value:.3}, at most {most}: {verdict}");
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn greatest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

fn most(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

fn gate_weekend(seeds: Range<u64>) {
    let (mut bare, mut declared, mut late, mut robust) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut against, mut faster, mut posters) = (Vec::new(), Vec::new(), Vec::new());
    let (mut beaten, mut threefold) = (0.0, Vec::new());
    for seed in seeds {
        let mut quickest = f64::INFINITY;
        let scenario = weekend(seed);
        let trace = &scenario.trace;
        let world60 = world(&scenario, 60.0);
        let best = clairvoyant(&world60, trace).pod_hours;
        let plain = policy(&scenario, 60.0, Vec::new());
        let run = ours("no profiles", &world60, trace, &plain, Memory::default(), seed, best);
        bare.push(run.hours / best);
        late.push(run.late_percent);
        let with = policy(&scenario, 60.0, weekend_profiles(None));
        let run = ours("volume, trimmed", &world60, trace, &with, Memory::default(), seed, best);
        declared.push(run.hours / best);
        late.push(run.late_percent);
        let mut tighter = weekend_profiles(None);
        tighter[0].trim = Some(Trim { after: Duration::from_mins(2), factor: 1.2 });
        let tighter = policy(&scenario, 60.0, tighter);
        ours("volume, trimmed to 120 %", &world60, trace, &tighter, Memory::default(), seed, best);
        let keda = rival("keda", &world60, trace, &mut Keda::new(u32::MAX, 7.0), seed, best);
        for wait in [10.0, 20.0, 30.0, 60.0] {
            let at = world(&scenario, wait);
            let plain = policy(&scenario, wait, Vec::new());
            let mine = ours(&format!("{wait} s, no profiles"), &at, trace, &plain, Memory::default(), seed, best);
            beaten += f64::from(u8::from(keda.p99 <= mine.p99 && keda.hours <= mine.hours));
            if mine.hours <= 0.8 * keda.hours {
                quickest = quickest.min(mine.p99 / keda.p99);
            }
        }
        threefold.push(quickest);
        // Against a rival that knows the peaks, with a promise of 30 s.
        let world30 = world(&scenario, 30.0);
        let prompt = policy(&scenario, 30.0, weekend_profiles(None));
        let mine = ours("30 s, volume, trimmed", &world30, trace, &prompt, Memory::default(), seed, best);
        let theirs = rival("keda-cron", &world30, trace, &mut tuned(&world30, trace, &prompt), seed, best);
        against.push(mine.hours / theirs.hours);
        faster.push(mine.p99 - theirs.p99);
        // Posters: five seconds while the weekend lasts.
        let posters5 = policy(&scenario, 60.0, weekend_profiles(Some(5)));
        let world5 = world(&scenario, 5.0);
        posters.push(ours("5 s in the profile", &world5, trace, &posters5, Memory::default(), seed, best).p95);
        for factor in [0.1, 5.0] {
            let taught = Memory::expecting(Duration::from_secs_f64(4.0 / factor));
            robust.push(ours(&format!("prior x{factor}"), &world60, trace, &plain, taught, seed, best).late_percent);
        }
        for factor in [0.5, 2.0] {
            let other = trace.scaled(factor);
            let best = clairvoyant(&world60, &other).pod_hours;
            let run = ours(&format!("volume x{factor}"), &world60, &other, &with, Memory::default(), seed, best);
            robust.push(run.late_percent);
        }
    }
    gate("late records, per cent", most(&late), 0.1);
    gate("cost without profiles, worst seed", most(&bare), 1.15);
    gate("cost with a trimmed volume, mean", mean(&declared), 1.25);
    gate("cost with a trimmed volume, worst seed", most(&declared), 1.32);
    gate("promises of 10 to 60 s at which keda is quicker and cheaper", beaten, 0.0);
    gate("best p99 against keda at 0.8 of its cost, worst seed", most(&threefold), 1.0 / 3.0);
    gate("30 s: cost against keda-cron, worst seed", most(&against), 0.75);
    gate("30 s: p99 less that of keda-cron, worst seed", greatest(&faster), 0.0);
    gate("posters: p95 in seconds, worst seed", most(&posters), 5.0);
    gate("wrong prior or volume: late, per cent", most(&robust), 0.1);
}

fn gate_homework(seeds: Range<u64>) {
    let (mut cost, mut p99, mut spare) = (Vec::new(), Vec::new(), Vec::new());
    for seed in seeds {
        let scenario = homework(seed);
        let (trace, wait) = (&scenario.trace, f64::from(scenario.wait));
        let world = world(&scenario, wait);
        let best = clairvoyant(&world, trace).pod_hours;
        ours("no profiles", &world, trace, &policy(&scenario, wait, vec![]), Memory::default(), seed, best);
        let rate = policy(&scenario, wait, homework_profiles(0));
        let mine = ours("rates, trimmed", &world, trace, &rate, Memory::default(), seed, best);
        let ready = policy(&scenario, wait, homework_profiles(40));
        let with_spare = ours("rates and 40 spare", &world, trace, &ready, Memory::default(), seed, best);
        let theirs = rival("keda", &world, trace, &mut Keda::new(u32::MAX, 7.0), seed, best);
        cost.push(mine.hours / theirs.hours);
        p99.push(mine.p99 / theirs.p99);
        spare.push(with_spare.p99 / theirs.p99);
        println!("  the spare costs {:.2} times what keda costs", with_spare.hours / theirs.hours);
    }
    gate("p99 against keda, worst seed", most(&p99), 0.2);
    gate("cost against keda, worst seed", most(&cost), 0.4);
    gate("p99 with spares against keda, worst seed", most(&spare), 0.1);
}

fn gate_flash(seeds: Range<u64>) {
    let (mut p99, mut against, mut cost) = (Vec::new(), Vec::new(), Vec::new());
    let (mut tuned_cost, mut tuned_p99) = (Vec::new(), Vec::new());
    for seed in seeds {
        let scenario = flash(seed);
        let (trace, wait) = (&scenario.trace, f64::from(scenario.wait));
        let world = world(&scenario, wait);
        let best = clairvoyant(&world, trace).pod_hours;
        ours("no profiles", &world, trace, &policy(&scenario, wait, vec![]), Memory::default(), seed, best);
        let declared = policy(&scenario, wait, flash_profiles());
        let mine = ours("rates, trimmed", &world, trace, &declared, Memory::default(), seed, best);
        let theirs = rival("keda", &world, trace, &mut Keda::new(u32::MAX, 7.0), seed, best);
        let cron = rival("keda-cron", &world, trace, &mut tuned(&world, trace, &declared), seed, best);
        p99.push(mine.p99);
        against.push(mine.p99 / theirs.p99);
        cost.push(mine.hours / theirs.hours);
        tuned_cost.push(mine.hours / cron.hours);
        tuned_p99.push(mine.p99 - cron.p99);
    }
    gate("p99 in seconds, worst seed", most(&p99), 1.0);
    gate("p99 against keda, worst seed", most(&against), 0.125);
    gate("cost against keda, worst seed", most(&cost), 0.35);
    gate("cost against keda-cron, worst seed", most(&tuned_cost), 0.75);
    gate("p99 less that of keda-cron, worst seed", greatest(&tuned_p99), 0.0);
}
