//! Decisions on record: one JSON line whenever count or reason change, with what was seen.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use imagejob_operator::reconcile::Decided;
use imagejob_operator::record::{Changes, Entry};
use jiff::Timestamp;

/// The file, and what was written to it last.
pub(crate) struct Journal {
    file: File,
    changes: Changes,
}

impl Journal {
    /// Begins an empty file.
    pub(crate) fn create(path: &Path) -> std::io::Result<Self> {
        Ok(Self { file: File::create(path)?, changes: Changes::default() })
    }

    /// Writes a decision down if it is another one than the last.
    pub(crate) fn enter(&mut self, at: Timestamp, decided: &Decided) -> anyhow::Result<()> {
        if self.changes.is_news(decided) {
            writeln!(self.file, "{}", serde_json::to_string(&Entry::of(at, decided))?)?;
        }
        Ok(())
    }
}
