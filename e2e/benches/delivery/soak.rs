//! `make soak`: a million records through three brokers while a thousand workers and twenty dispatchers
//! are killed and each broker once. Every offset is accounted for.
//!
//! `RECORDS` makes it shorter, with as many deaths fewer; `SEED` decides who dies.

use std::time::{Duration, Instant};

use imagejob_e2e::broker::{Broker, Kafka};
use imagejob_e2e::fleet::Fleet;
use imagejob_e2e::wait;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

const PARTITIONS: i32 = 12;
const DISPATCHERS: usize = 3;
const WORKERS: usize = 12;
const SLOTS: u32 = 8;
const BROKERS: usize = 3;
const RECORDS: usize = 1_000_000;
/// One death in so many records.
const WORKER_DEATH: usize = 1_000;
const DISPATCHER_DEATH: usize = 50_000;
/// How long a killed broker stays away.
const AWAY: Duration = Duration::from_secs(10);
/// Nothing ends for this long only when something is broken.
const STALL: Duration = Duration::from_mins(2);
/// Duplicates that are allowed, percent.
const DUPLICATES: f64 = 0.5;

/// Runs it to its end.
pub(crate) fn run() -> anyhow::Result<()> {
    let number = |name: &str, default: usize| std::env::var(name).map_or(Ok(default), |text| text.parse());
    let (records, seed) = (number("RECORDS", RECORDS)?, number("SEED", 2026)?);
    println!("{records} records, {BROKERS} brokers of Apache Kafka; SEED={seed} decides who dies");
    let mut broker = Broker::kafka(BROKERS)?;
    let mut fleet = Fleet::new(&broker, "soak", PARTITIONS, Vec::new())?;
    fleet.working.slots = SLOTS;
    fleet.produce(records)?;
    fleet.start_dispatchers(DISPATCHERS as u32)?;
    fleet.start_workers(WORKERS)?;
    let mut soak = Soak {
        fleet,
        chance: StdRng::seed_from_u64(seed as u64),
        begun: wait::now(),
        told: wait::now(),
        workers: 0,
        dispatchers: 0,
    };
    for number in 1..=records / WORKER_DEATH {
        let sooner = soak.chance.random_range(0..WORKER_DEATH);
        soak.until_ended(number * WORKER_DEATH - sooner);
        soak.kill_worker()?;
        if number % (DISPATCHER_DEATH / WORKER_DEATH) == 0 {
            soak.kill_dispatcher()?;
        }
        // Each broker dies once, at a quarter, half and three quarters of the way.
        let of = |victim: usize| victim * (records / WORKER_DEATH) / (BROKERS + 1);
        if let (Some(victim), Broker::Kafka(kafka)) = ((1..=BROKERS).find(|v| number == of(*v)), &mut broker) {
            soak.restart_broker(kafka, victim as i32)?;
        }
    }
    soak.end(records)
}

struct Soak {
    fleet: Fleet,
    chance: StdRng,
    begun: Instant,
    told: Instant,
    workers: usize,
    dispatchers: usize,
}

impl Soak {
    fn until_ended(&mut self, due: usize) {
        let mut ended = 0;
        let fleet = &self.fleet;
        wait::until(
            STALL,
            || format!("{due} records to end: {:#?}", fleet.reports()),
            || {
                // While a broker is away, an answer may fail.
                ended = fleet.ended().unwrap_or(ended);
                ended >= due
            },
        );
        if self.told.elapsed() >= Duration::from_secs(10) {
            self.told = wait::now();
            self.tell(&format!("{ended} ended"));
        }
    }

    fn kill_worker(&mut self) -> anyhow::Result<()> {
        self.fleet.kill_worker(self.chance.random_range(0..WORKERS))?;
        self.workers += 1;
        self.fleet.start_workers(1)
    }

    fn kill_dispatcher(&mut self) -> anyhow::Result<()> {
        let victim = self.chance.random_range(0..DISPATCHERS);
        self.fleet.kill_dispatcher(victim)?;
        self.dispatchers += 1;
        self.tell(&format!("dispatcher {victim} killed"));
        self.fleet.start_dispatcher(victim)
    }

    fn restart_broker(&mut self, kafka: &mut Kafka, victim: i32) -> anyhow::Result<()> {
        kafka.kill_broker(victim)?;
        self.tell(&format!("broker {victim} killed"));
        let away = wait::now();
        wait::until(AWAY * 2, String::new, || away.elapsed() >= AWAY);
        kafka.start_broker(victim)?;
        self.tell(&format!("broker {victim} is back"));
        Ok(())
    }

    fn tell(&self, what: &str) {
        let seconds = self.begun.elapsed().as_secs_f64();
        println!("{seconds:6.1} s  {what}; killed so far: {} workers, {} dispatchers", self.workers, self.dispatchers);
    }

    fn end(mut self, records: usize) -> anyhow::Result<()> {
        self.fleet.wait_committed(STALL)?;
        let seconds = self.begun.elapsed().as_secs_f64();
        self.tell(&format!("all committed, {:.0} records a second", records as f64 / seconds));
        let unwell = self.fleet.stop()?;
        anyhow::ensure!(unwell.is_empty(), "{unwell:?} did not end well");
        let account = self.fleet.account()?;
        println!("{account}");
        anyhow::ensure!(account.is_sound() && account.succeeded == records, "not every record ended once");
        anyhow::ensure!(account.duplicate_percent() <= DUPLICATES, "more than {DUPLICATES} % of duplicates");
        Ok(())
    }
}
