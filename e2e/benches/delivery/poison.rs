//! A record that kills each worker that touches it: it is given up within its limits, nothing else is,
//! and the others hardly notice. Pairs of runs, with and without it, that are the same otherwise.

use std::collections::BTreeMap;
use std::time::Duration;

use imagejob_e2e::broker::Broker;
use imagejob_e2e::table::Table;
use imagejob_e2e::topics;
use imagejob_e2e::{wait, workshop};

use super::load;
use super::stand::{LIMIT, SLOTS, Stand, waits};

const WORKERS: usize = 8;
const MEAN: Duration = Duration::from_millis(50);
/// 60 % of what 8 x 4 slots do in a second with 50 ms a record.
const PER_SECOND: f64 = 384.0;
const RECORDS: usize = WARM + 3_840;
/// The first three seconds, in which the load connects, are not looked at.
const WARM: usize = 3 * 384;
/// The poisonous one.
const POISON: usize = WARM + 100;
const PAIRS: usize = 9;

pub(crate) fn measure(broker: &Broker, table: &mut Table) -> anyhow::Result<()> {
    let mut ratios = Vec::new();
    for pair in 1..=PAIRS {
        let without = run(broker, &format!("healthy-{pair}"), false)?;
        let with = run(broker, &format!("poison-{pair}"), true)?;
        println!("pair {pair}: append -> result p99 {without} ms without, {with} ms with the poison");
        ratios.push(with as f64 / without as f64);
    }
    ratios.sort_by(f64::total_cmp);
    table.row("poison: dead-lettered as WorkerKilled, nothing else", format!("{PAIRS} of {PAIRS} runs"), "each run");
    let figure = format!("median x {:.3}", ratios[PAIRS / 2]);
    table.row("... p99 of the others, append -> result", figure, "<= 1.10");
    table.ratio(format!("{:.3} to {:.3}, {WORKERS} workers x {SLOTS}, 60 % load", ratios[0], ratios[PAIRS - 1]));
    Ok(())
}

/// 99th percentile, ms, of append -> result of all records but the poison.
fn run(broker: &Broker, name: &str, poisonous: bool) -> anyhow::Result<i64> {
    let mut records = load::records(&load::log_normal(RECORDS, MEAN)?);
    if poisonous {
        records[POISON] = workshop::poison(POISON);
    }
    let mut stand = Stand::start(broker, name, WORKERS)?;
    let topics = topics::Topics::new(&broker.bootstrap())?;
    let source = name.to_owned();
    let load = std::thread::spawn(move || topics.produce(&source, load::poisson(PER_SECOND, records.iter())?));
    // Whoever works on the poison dies of it.
    let letters = stand.fleet.dispatching.dead_letter_topic.clone();
    let given_up = |stand: &Stand| stand.fleet.topics.count(&letters).is_ok_and(|count| count > 0);
    let done = |stand: &Stand| load.is_finished() && (!poisonous || given_up(stand));
    while !done(&stand) {
        let mut struck = Vec::new();
        wait::until(
            LIMIT,
            || format!("{:#?}", stand.fleet.reports()),
            || {
                struck.extend(stand.workshop.struck());
                !struck.is_empty() || done(&stand)
            },
        );
        for bench in struck {
            stand.replace_worker_of(bench)?;
        }
    }
    load.join().map_err(|_| anyhow::anyhow!("the load panicked"))??;
    stand.fleet.wait_committed(LIMIT)?;
    let account = stand.fleet.account()?;
    let given_up: BTreeMap<_, _> = poisonous.then(|| ("WorkerKilled".to_owned(), 1)).into_iter().collect();
    anyhow::ensure!(account.is_sound() && account.dead_lettered == given_up, "{account}");

    Ok(wait::percentile(&waits(&stand.fleet, WARM)?, 99).as_millis() as i64)
}
