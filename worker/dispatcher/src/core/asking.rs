//! Questions to the broker: when each is due, and what is done with its answer.

use std::time::Duration;

use imagejob_kafka::Access;
use imagejob_leasing::dispatcher::{Batch, Look, Moment, Partition, Past, RecordId, Start, Topics};
use imagejob_protocol::reasons::ProblemReason;
use imagejob_protocol::settings::{DispatcherSettings, StartFrom};
use tokio::sync::mpsc;
use tracing::debug;

use super::Core;
use super::trouble::Trouble;
use crate::broker::{self, BrokerError};
use crate::consumer::{self, Handle, outsider};

/// Pause between questions for end offsets while they move.
const ENDS_MOVING: Duration = Duration::from_millis(100);
/// ... while something waits: its queues are not empty and do not ring.
const ENDS_WAITING: Duration = Duration::from_millis(150);
/// ... and at rest: a new record rings.
const ENDS_AT_REST: Duration = Duration::from_secs(1);
/// Pause between looks at the topics when all are there.
const TOPICS: Duration = Duration::from_secs(10);
/// ... when one is missing, or nothing has been heard yet.
const TOPICS_MISSING: Duration = Duration::from_secs(1);
/// Pause before positions are asked for again after an error.
const STARTS_AGAIN: Duration = Duration::from_millis(500);
/// How long ago, in seconds, arrivals are looked up for: every minute of the last ten, and every ten
/// seconds of the last two, where the age of what waits matters most.
const HISTORY: [i64; 20] = [600, 540, 480, 420, 360, 300, 240, 180, 120, 110, 100, 90, 80, 70, 60, 50, 40, 30, 20, 10];

/// What comes back from threads that may block.
pub(crate) enum Answer {
    Counts(Result<Vec<i32>, BrokerError>),
    Starts {
        epoch: u64,
        result: Result<Vec<(Partition, Start)>, BrokerError>,
    },
    Ends {
        epoch: u64,
        result: Result<Vec<(Partition, i64)>, BrokerError>,
    },
    Look(Result<Look, BrokerError>),
    History(Result<Vec<(Partition, Past)>, BrokerError>),
    Committed {
        epoch: u64,
        batch: Batch,
        result: Result<(), String>,
    },
    /// A dead letter is durable.
    Buried {
        id: RecordId,
        reason: String,
    },
    /// A dead letter could not be written; it is tried again.
    NotBuried(String),
}

/// What is asked and when.
pub(super) struct Questions {
    topics: Topics,
    start_from: StartFrom,
    /// For questions before the group is joined.
    pub(super) outsider: Option<Handle>,
    answers: mpsc::Sender<Answer>,
    counts_asked: bool,
    next_counts: Duration,
    ends_asked: bool,
    ends_moved: bool,
    last_ends: Duration,
    starts_again: Option<Duration>,
    pub(super) trouble: Trouble,
}

impl Questions {
    pub(super) fn new(
        access: &Access,
        settings: &DispatcherSettings,
        topics: Topics,
        answers: mpsc::Sender<Answer>,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            topics,
            start_from: settings.start_from,
            outsider: Some(outsider(access, &settings.consumer_group)?),
            answers,
            counts_asked: false,
            next_counts: Duration::ZERO,
            ends_asked: false,
            ends_moved: false,
            last_ends: Duration::ZERO,
            starts_again: None,
            trouble: Trouble::new(access.servers()),
        })
    }

    /// A queue that was empty has something.
    pub(super) fn ends_may_have_moved(&mut self) {
        self.ends_moved = true;
    }

    /// A new consumer is wanted: the topics are looked at first.
    pub(super) fn begin_again(&mut self) {
        self.next_counts = Duration::ZERO;
        self.starts_again = None;
        self.ends_asked = false;
    }

    /// A consumer is there: the next look at the topics is its, and the outsider may go.
    pub(super) fn belong(&mut self) {
        self.next_counts = Duration::ZERO;
    }

    pub(super) fn starts(&mut self, handle: Handle, epoch: u64, partitions: Vec<Partition>) {
        self.starts_again = None;
        let (topics, start_from) = (self.topics.clone(), self.start_from);
        self.ask(move || Answer::Starts { epoch, result: broker::starts(&handle, &topics, &partitions, start_from) });
    }

    pub(super) fn history(&self, handle: Handle, now: Moment, partitions: Vec<Partition>) {
        if partitions.is_empty() {
            return;
        }
        let topics = self.topics.clone();
        let times = HISTORY.map(|seconds| now.unix_ms - seconds * 1_000);
        self.ask(move || Answer::History(broker::history(&handle, &topics, &partitions, &times)));
    }

    pub(super) fn commit(&self, handle: Handle, epoch: u64, batch: Batch) {
        let topics = self.topics.clone();
        self.ask(move || {
            let result = consumer::commit(&handle, &topics, &batch.entries);
            Answer::Committed { epoch, batch, result: result.map_err(|error| error.to_string()) }
        });
    }

    fn ends(&mut self, now: Duration, handle: Handle, epoch: u64, partitions: Vec<Partition>) {
        self.ends_asked = true;
        self.ends_moved = false;
        self.last_ends = now;
        let topics = self.topics.clone();
        self.ask(move || Answer::Ends { epoch, result: broker::end_offsets(&handle, &topics, &partitions) });
    }

    /// Asks how the group looks that is to be joined; it has room if it has fewer members than `dispatchers`.
    pub(super) fn look(&self, outsider: Handle, group: &str, partitions: Vec<Partition>, dispatchers: usize) {
        let (topics, group) = (self.topics.clone(), group.to_owned());
        self.ask(move || Answer::Look(broker::look(&outsider, &group, &topics, &partitions, dispatchers)));
    }

    fn counts(&mut self, handle: Handle) {
        self.counts_asked = true;
        let topics = self.topics.clone();
        self.ask(move || Answer::Counts(broker::partition_counts(&handle, &topics)));
    }

    fn ends_due(&self, now: Duration, waiting: bool) -> bool {
        let pause = match (self.ends_moved, waiting) {
            (true, _) => ENDS_MOVING,
            (false, true) => ENDS_WAITING,
            (false, false) => ENDS_AT_REST,
        };
        !self.ends_asked && now >= self.last_ends + pause
    }

    /// Runs `question` on a thread that may block. The channel of answers holds more than there are
    /// questions at a time, and blocks that thread at worst.
    fn ask(&self, question: impl FnOnce() -> Answer + Send + 'static) {
        let answers = self.answers.clone();
        tokio::task::spawn_blocking(move || answers.blocking_send(question()).ok());
    }
}

impl Core {
    /// Asks what is due.
    pub(super) fn ask(&mut self, now: Moment) {
        let handle = match (&self.belonging.group, &self.questions.outsider) {
            (Some(group), _) => group.handle(),
            (None, Some(outsider)) => outsider.clone(),
            // The consumer was given up.
            (None, None) => return self.step_outside(),
        };
        self.look_again_when_due(now.uptime);
        if !self.questions.counts_asked && now.uptime >= self.questions.next_counts {
            self.questions.counts(handle.clone());
        }
        if self.questions.starts_again.take_if(|at| now.uptime >= *at).is_some() {
            self.belonging.membership.ask_starts();
            self.run_errands();
        }
        if self.questions.ends_due(now.uptime, self.desk.told_backlog() > 0) {
            let partitions = self.desk.held();
            if !partitions.is_empty() {
                let epoch = self.belonging.epoch;
                self.questions.ends(now.uptime, handle, epoch, partitions);
            }
        }
    }

    /// Whoever has no consumer any more asks its questions as an outsider, to join again.
    fn step_outside(&mut self) {
        match outsider(&self.access, &self.settings.consumer_group) {
            Ok(outsider) => self.questions.outsider = Some(outsider),
            Err(error) => {
                let message = format!("no client could be created: {error}");
                self.desk.problems.set(ProblemReason::BrokerUnreachable, message);
            }
        }
    }

    pub(super) fn on_answer(&mut self, answer: Answer) {
        let now = self.clock.now();
        match answer {
            Answer::Counts(result) => self.on_counts(now, result),
            Answer::Look(result) => self.on_look(now.uptime, result),
            Answer::Starts { epoch, result } if self.is_current(epoch) => match result {
                Ok(starts) => self.begin(now, starts),
                Err(error) => {
                    self.questions.starts_again = Some(now.uptime + STARTS_AGAIN);
                    self.trouble(&error);
                }
            },
            Answer::Ends { epoch, result } if self.is_current(epoch) => {
                self.questions.ends_asked = false;
                let asked = self.questions.last_ends;
                match result {
                    Ok(ends) => {
                        self.fine();
                        for (partition, end) in ends {
                            let moved = self.desk.saw_end(now, asked, partition, end);
                            self.questions.ends_moved |= moved;
                        }
                    }
                    Err(error) => self.trouble(&error),
                }
            }
            Answer::History(Ok(histories)) => {
                for (partition, history) in histories {
                    self.desk.learn_history(partition, &history);
                }
            }
            Answer::History(Err(error)) => debug!(%error, "earlier arrivals stay unknown"),
            Answer::Committed { epoch, batch, result } if self.is_current(epoch) => {
                self.on_committed(now, &batch, result);
            }
            Answer::Buried { id, reason } => {
                self.desk.problems.clear(ProblemReason::DeadLetterFailing);
                self.desk.buried(now, id, &reason);
            }
            Answer::NotBuried(message) => {
                self.desk.problems.set(ProblemReason::DeadLetterFailing, message);
            }
            Answer::Starts { .. } | Answer::Ends { .. } | Answer::Committed { .. } => {
                debug!("an answer about an earlier consumer came late");
            }
        }
    }

    fn on_counts(&mut self, now: Moment, result: Result<Vec<i32>, BrokerError>) {
        self.questions.counts_asked = false;
        self.questions.next_counts = now.uptime + TOPICS_MISSING;
        let counts = match result {
            Ok(counts) => counts,
            Err(error) => return self.trouble(&error),
        };
        self.fine();
        let missing: Vec<_> = self.topics.names().zip(&counts).filter(|(_, count)| **count == 0).collect();
        if missing.is_empty() {
            self.questions.next_counts = now.uptime + TOPICS;
            self.desk.problems.clear(ProblemReason::TopicMissing);
        } else {
            let names: Vec<_> = missing.iter().map(|(topic, _)| format!("\"{topic}\"")).collect();
            let message = format!(
                "source topic {} does not exist at {}; create it or correct spec.source.kafka.topics",
                names.join(", "),
                self.access.servers()
            );
            self.desk.problems.set(ProblemReason::TopicMissing, message);
        }
        self.desk.saw_partition_counts(counts);
        self.join_when_due(now.uptime);
        if self.belonging.group.is_some()
            && let Some(outsider) = self.questions.outsider.take()
        {
            // Ending a client waits for its threads.
            tokio::task::spawn_blocking(move || drop(outsider));
        }
    }
}
