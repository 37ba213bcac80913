//! Decisions on record: one JSON line whenever count or reason change, with what was seen.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use imagejob_operator::reconcile::Decided;
use imagejob_operator::record::Diary;
use jiff::Timestamp;

/// The file, and what comes next in it.
pub(crate) struct Journal {
    file: File,
    diary: Diary,
}

impl Journal {
    /// Begins an empty file.
    pub(crate) fn create(path: &Path) -> std::io::Result<Self> {
        Ok(Self { file: File::create(path)?, diary: Diary::default() })
    }

    /// Writes a decision down if it is another one than the last.
    pub(crate) fn enter(&mut self, at: Timestamp, decided: &Decided) -> anyhow::Result<()> {
        if let Some(entry) = self.diary.enter(at, decided) {
            writeln!(self.file, "{}", serde_json::to_string(&entry)?)?;
        }
        Ok(())
    }
}
