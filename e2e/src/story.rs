//! A fleet at work while something befalls it: how far it came, and the books at the end.

use std::time::{Duration, Instant};

use crate::account::Account;
use crate::broker::VARIABLE;
use crate::fleet::Fleet;
use crate::handler::Handler;
use crate::wait;

/// How long work may stand still, whatever befalls a fleet. Longer than any session, lease or election.
pub const STALL: Duration = Duration::from_mins(2);

/// Says why a story that needs a real Kafka is skipped, where there is none.
pub fn skipped(why: &str) -> bool {
    let skipped = std::env::var(VARIABLE).as_deref() == Ok("mock");
    if skipped {
        eprintln!("SKIPPED: librdkafka's mock {why}");
    }
    skipped
}

/// The seed of a story: `SEED`, or the same each time; printed.
///
/// # Panics
/// When `SEED` is no number.
pub fn seed(decides: &str) -> u64 {
    let seed = std::env::var("SEED").map_or(2026, |seed| seed.parse().expect("SEED is a number"));
    println!("SEED={seed} decides {decides}");
    seed
}

/// A fleet whose records are what a handler does.
pub struct Story {
    /// The fleet.
    pub fleet: Fleet,
    /// Its handler, whose calls say how far work came whatever the broker's state is.
    pub handler: Handler,
    name: &'static str,
    start: Instant,
}

impl Story {
    /// Begins now.
    pub fn begin(name: &'static str, fleet: Fleet, handler: Handler) -> Self {
        Self { fleet, handler, name, start: wait::now() }
    }

    /// Prints a line with the time and how far work came.
    pub fn tell(&self, what: &str) {
        println!("{:5.1} s  {:5} calls: {what}", self.start.elapsed().as_secs_f64(), self.handler.calls());
    }

    /// Waits until `calls` more calls of the handler have begun.
    ///
    /// # Panics
    /// When work stands still.
    pub fn goes_on(&self, calls: usize) {
        let (before, begun) = (self.handler.calls(), wait::now());
        let done = || self.handler.calls() - before;
        wait::until(STALL, || format!("{} calls of {calls}; {:#?}", done(), self.fleet.reports()), || done() >= calls);
        self.tell(&format!("{calls} calls in {:.1} s", begun.elapsed().as_secs_f64()));
    }

    /// Lets time pass.
    ///
    /// # Panics
    /// Never: it is a wait for the clock.
    pub fn time_passes(&self, time: Duration) {
        let begun = wait::now();
        wait::until(time * 2, || "time passes".into(), || begun.elapsed() >= time);
    }

    /// Waits until everything is committed, ends the fleet, and closes the books.
    ///
    /// # Panics
    /// When something is not committed in the end, or was before it had an outcome, when a program does not
    /// end well, or when a record has no result.
    pub fn end(mut self) -> Account {
        self.fleet.wait_committed(STALL).expect("the source topic is there");
        self.tell("all committed");
        let early = self.fleet.committed_past_unfinished().expect("the topics can be read");
        assert_eq!(early, [], "committed before there was an outcome");
        let unwell = self.fleet.stop().expect("the programs can be told to end");
        assert_eq!(unwell, Vec::<String>::new(), "these did not end well");
        let account = self.fleet.account().expect("the topics can be read");
        println!("{}: {account}", self.name);
        assert!(account.is_sound(), "{account}");
        assert_eq!(account.succeeded, account.records, "nothing was wrong with any record");
        account
    }
}
