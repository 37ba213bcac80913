//! Tells people what happened to a job, as Events of its ImageJob.
//!
//! Each is an object of its own, with its own sentence. kube's `Recorder` would merge those of one
//! reason and keep the first sentence: "from 3 to 5 workers" would stand for all that came after.
//! So that a job that scales all day does not fill the cluster, each has a small allowance.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use imagejob_api::ImageJob;
use imagejob_operator::Clock;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client, Resource as _};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::news::News;
use crate::render::labels::OPERATOR;

/// Events that wait to be written; more are dropped, reconcile never waits for them.
const QUEUE: usize = 1_024;

/// An event that the API server does not take within this is dropped.
const WRITE_LIMIT: Duration = Duration::from_secs(5);

/// An event costs a job this many seconds, and it has earned at most so many: ten events at once, 120
/// an hour.
const PRICE_SECONDS: i64 = 30;
const LONGEST_CREDIT_SECONDS: i64 = 10 * PRICE_SECONDS;

/// An event about a job.
#[derive(Debug)]
pub struct Telling {
    /// The ImageJob.
    pub about: ObjectReference,
    /// What happened.
    pub news: News,
}

/// Where reconcile leaves its news.
#[derive(Debug, Clone)]
pub struct Teller(mpsc::Sender<Telling>);

impl Teller {
    /// A queue, and what is to be written from it.
    pub fn new() -> (Self, mpsc::Receiver<Telling>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        (Self(sender), receiver)
    }

    /// Tells it, unless too much is being told already.
    pub fn tell(&self, about: &ObjectReference, news: News) {
        if self.0.try_send(Telling { about: about.clone(), news }).is_err() {
            tracing::debug!("an event was dropped: the queue is full");
        }
    }
}

/// How an Event refers to a job.
pub fn reference(job: &ImageJob) -> ObjectReference {
    job.object_ref(&())
}

/// Writes what is told, until nobody can tell anything any more.
pub async fn write<K: Clock>(client: Client, instance: String, clock: K, mut tellings: mpsc::Receiver<Telling>) {
    let mut allowances: HashMap<String, Allowance> = HashMap::new();
    let number = AtomicU64::new(0);
    while let Some(Telling { about, news }) = tellings.recv().await {
        let now = clock.now();
        let seconds = now.as_second();
        allowances.retain(|_, allowance| !allowance.is_full(seconds));
        let uid = about.uid.clone().unwrap_or_default();
        if !allowances.entry(uid).or_insert_with(|| Allowance::full(seconds)).take(seconds) {
            continue;
        }
        let namespace = about.namespace.clone().unwrap_or_default();
        let name = about.name.clone().unwrap_or_default();
        let unique = format!("{name}.{:x}{:02x}", now.as_nanosecond(), number.fetch_add(1, Ordering::Relaxed) % 256);
        let event = Event {
            metadata: ObjectMeta { name: Some(unique), namespace: Some(namespace.clone()), ..ObjectMeta::default() },
            action: Some(news.action.to_owned()),
            event_time: Some(MicroTime(now)),
            note: Some(cut(news.note)),
            reason: Some(news.reason),
            regarding: Some(about),
            reporting_controller: Some(format!("imagejob.dev/{OPERATOR}")),
            reporting_instance: Some(instance.clone()),
            type_: Some(if news.warning { "Warning" } else { "Normal" }.to_owned()),
            ..Event::default()
        };
        let events: Api<Event> = Api::namespaced(client.clone(), &namespace);
        let written = timeout(WRITE_LIMIT, events.create(&PostParams::default(), &event)).await;
        if let Ok(Err(error)) = written {
            tracing::debug!(%error, "an event was not written");
        }
    }
}

/// The API server takes notes of at most 1,024 bytes.
fn cut(mut note: String) -> String {
    const LONGEST: usize = 1_024;
    if note.len() > LONGEST {
        note.truncate(note.floor_char_boundary(LONGEST - '…'.len_utf8()));
        note.push('…');
    }
    note
}

/// How many events a job may have now.
#[derive(Debug)]
struct Allowance {
    credit_seconds: i64,
    at_second: i64,
}

impl Allowance {
    const fn full(second: i64) -> Self {
        Self { credit_seconds: LONGEST_CREDIT_SECONDS, at_second: second }
    }

    fn credit_seconds(&self, second: i64) -> i64 {
        let earned = (second - self.at_second).max(0);
        self.credit_seconds.saturating_add(earned).min(LONGEST_CREDIT_SECONDS)
    }

    fn is_full(&self, second: i64) -> bool {
        self.credit_seconds(second) == LONGEST_CREDIT_SECONDS
    }

    fn take(&mut self, second: i64) -> bool {
        (self.credit_seconds, self.at_second) = (self.credit_seconds(second), second);
        let may = self.credit_seconds >= PRICE_SECONDS;
        if may {
            self.credit_seconds -= PRICE_SECONDS;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_events_at_once_and_then_one_in_thirty_seconds() {
        let mut allowance = Allowance::full(0);
        assert_eq!((0..100).filter(|_| allowance.take(0)).count(), 10);
        assert_eq!((1..=300).filter(|second| allowance.take(*second)).count(), 10);
        assert!(allowance.is_full(601));
    }

    #[test]
    fn a_long_note_is_cut_at_a_character() {
        let cut = cut("照".repeat(1_000));
        assert!(cut.len() <= 1_024 && cut.ends_with("照…"));
    }
}
