//! One partition that this dispatcher holds.

use std::collections::BTreeSet;
use std::time::Duration;

use imagejob_ledger::Window;

use crate::dispatcher::arrivals::{Bins, Ends};
use crate::dispatcher::pen::PenSummary;
use crate::dispatcher::record::Record;
use crate::dispatcher::workers::WorkerKey;

/// Whether records of a partition may be lent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Its first position is not stored yet: whoever held it next would take it for one that was never read,
    /// and ask nobody.
    Unwritten,
    /// Workers are being asked what they hold of it.
    Asking(Asking),
    /// Yes.
    Open,
    /// It is being handed over: outcomes are taken, nothing is lent.
    Closing,
}

/// The wait for answers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asking {
    /// Workers that have not answered.
    pub(crate) unanswered: BTreeSet<WorkerKey>,
    /// Not before this uptime, even if all have answered: others may be on their way.
    pub(crate) not_before: Duration,
    /// At this uptime without the rest; `None` before the first worker came.
    pub(crate) until: Option<Duration>,
}

impl Asking {
    pub(crate) fn is_over(&self, now: Duration) -> bool {
        let answered = self.until.is_some() && self.unanswered.is_empty() && now >= self.not_before;
        answered || self.until.is_some_and(|until| now >= until)
    }
}

/// A partition's state.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) window: Window,
    /// Next offset to read.
    pub(crate) position: i64,
    /// One past the last record, as last heard.
    pub(crate) end: i64,
    /// When `end` was heard, Unix ms.
    pub(crate) end_at_ms: i64,
    pub(crate) ends: Ends,
    pub(crate) arrivals: Bins,
    pub(crate) stage: Stage,
    /// Records on loan.
    pub(crate) on_loan: u64,
    /// Records whose dead letter is under way.
    pub(crate) giving_up: u64,
    /// Read, and the next to be lent: nobody had credit, or the window does not admit it yet.
    pub(crate) stash: Option<Record>,
    /// In the queue of partitions to read from.
    pub(crate) queued: bool,
    /// The window admits no more; reading goes on when it moves.
    pub(crate) full: bool,
    /// The ledger changed since it was last handed to a commit.
    pub(crate) dirty: bool,
    /// A commit of it is under way.
    pub(crate) in_commit: bool,
}

impl Held {
    pub(crate) fn new(window: Window, end: i64, now_ms: i64, stage: Stage) -> Self {
        let mut ends = Ends::default();
        ends.push(now_ms, end);
        Self {
            position: window.base(),
            window,
            end,
            end_at_ms: now_ms,
            ends,
            arrivals: Bins::default(),
            stage,
            on_loan: 0,
            giving_up: 0,
            stash: None,
            queued: false,
            full: false,
            dirty: true,
            in_commit: false,
        }
    }

    /// Something is known that no commit has stored.
    pub(crate) const fn is_ahead(&self) -> bool {
        self.dirty || self.in_commit
    }

    /// Whether a record with this offset can exist: below the end as far as it is known.
    pub(crate) fn exists(&self, offset: i64) -> bool {
        offset < self.end.max(self.position)
    }

    /// Records that could be lent now: neither finished, nor on loan, nor being given up, nor one of
    /// the `in_backoff`.
    pub(crate) fn waiting(&self, in_backoff: u64) -> u64 {
        let elsewhere = self.on_loan + self.giving_up + in_backoff;
        self.window.unfinished_below(self.end).saturating_sub(elsewhere)
    }

    /// Records of those that wait that can be lent once somebody has credit. Where the queue is empty, offsets
    /// up to the end may have no record at all (a transaction's marker is often the last of a log): slots that
    /// were kept free for them would be kept for ever.
    pub(crate) fn lendable(&self, pen: PenSummary) -> u64 {
        let nothing_to_read = !self.queued && self.stash.is_none();
        match self.stage {
            Stage::Closing => 0,
            Stage::Open if nothing_to_read => pen.due,
            Stage::Open | Stage::Unwritten | Stage::Asking(_) => self.waiting(pen.in_backoff),
        }
    }

    /// Age of the oldest record not read yet, milliseconds; 0 when all are read.
    pub(crate) fn oldest_unread_ms(&self, now_ms: i64) -> u64 {
        let mut oldest = self.position;
        for run in self.window.runs() {
            if run.contains(&oldest) {
                oldest = run.end;
            }
        }
        if oldest < self.end { self.ends.age_ms(now_ms, oldest) } else { 0 }
    }
}
