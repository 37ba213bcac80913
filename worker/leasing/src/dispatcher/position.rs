//! Where reading begins on a partition: pure, from what the broker said about it.

use imagejob_ledger::{Log, VoidReason, Window, restore};

/// What was committed for a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Next offset to read.
    pub offset: i64,
    /// The commit's metadata; whoever wrote it.
    pub metadata: String,
}

/// Where a partition without a committed offset begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fresh {
    /// At the oldest record that is still there.
    LogStart,
    /// The first record not older than the job.
    Offset(i64),
}

/// Where to begin and what is known to be finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Its base is the first offset to read.
    pub window: Window,
    /// One past the last record.
    pub end: i64,
    /// Nothing was committed before, so no worker can know anything about this partition.
    pub first_ever: bool,
    /// Why the ledger was not used.
    pub void: Option<VoidReason>,
    /// Records that the broker deleted before they were read.
    pub expired: u64,
}

/// Chooses the position. It is committed at once, so that it holds even if nothing is ever read: a
/// dispatcher that starts tomorrow must not begin at tomorrow's end.
pub fn choose(committed: Option<Committed>, fresh: Fresh, log: Log) -> Start {
    let Some(Committed { offset, metadata }) = committed else {
        let base = match fresh {
            Fresh::LogStart => log.start,
            Fresh::Offset(offset) => offset.clamp(log.start, log.end),
        };
        let window = Window::new(base);
        return Start { window, end: log.end, first_ever: true, void: None, expired: 0 };
    };
    let restored = restore(&metadata, offset, log);
    Start { window: restored.window, end: log.end, first_ever: false, void: restored.void, expired: restored.expired }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: Log = Log { start: 100, end: 200, topic: None };

    fn committed(offset: i64, metadata: &str) -> Committed {
        Committed { offset, metadata: metadata.to_owned() }
    }

    #[test]
    fn every_situation_has_its_position() {
        let created = Fresh::Offset(150);
        let cases = [
            ("new group, from the start", None, Fresh::LogStart, 100, 0, None),
            ("new group, from the job's creation", None, created, 150, 0, None),
            ("created before the log begins", None, Fresh::Offset(20), 100, 0, None),
            ("created after the last record", None, Fresh::Offset(900), 200, 0, None),
            ("committed", Some(committed(170, "")), created, 170, 0, None),
            ("retention was faster", Some(committed(60, "")), created, 100, 40, None),
            ("foreign metadata", Some(committed(170, "x")), created, 170, 0, Some("Foreign")),
            ("recreated topic", Some(committed(500, "")), created, 100, 0, Some("CommitBeyondLogEnd")),
        ];
        for (name, committed, fresh, base, expired, void) in cases {
            let first_ever = committed.is_none();
            let start = choose(committed, fresh, LOG);
            assert_eq!(start.window.base(), base, "{name}");
            assert_eq!(start.expired, expired, "{name}");
            assert_eq!(start.void.map(VoidReason::as_str), void, "{name}");
            assert_eq!((start.end, start.first_ever), (200, first_ever), "{name}");
        }
    }
}
