//! The last decisions of each job, for `/decisions/<namespace>/<job>`.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use imagejob_api::NamespacedName;
use imagejob_operator::reconcile::Decided;
use imagejob_operator::record::{Diary, Entry};
use jiff::Timestamp;

/// Decisions that are kept of a job; some 30 kB.
const KEPT: usize = 64;

/// See the module.
#[derive(Debug, Default)]
pub struct Records(Mutex<HashMap<NamespacedName, Record>>);

#[derive(Debug, Default)]
struct Record {
    diary: Diary,
    entries: VecDeque<Entry>,
}

impl Records {
    fn lock(&self) -> MutexGuard<'_, HashMap<NamespacedName, Record>> {
        // Whole after a panic too: each change is one step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a decision down if it is another one than the job's last.
    pub fn enter(&self, job: &NamespacedName, at: Timestamp, decided: &Decided) {
        let mut records = self.lock();
        // Most rounds change nothing, and a name is not copied for them.
        if !records.contains_key(job) {
            records.insert(job.clone(), Record::default());
        }
        let Some(record) = records.get_mut(job) else { return };
        if let Some(entry) = record.diary.enter(at, decided) {
            if record.entries.len() == KEPT {
                record.entries.pop_front();
            }
            record.entries.push_back(entry);
        }
    }

    /// The job is gone, or is driven anew.
    pub fn forget(&self, job: &NamespacedName) {
        self.lock().remove(job);
    }

    /// Another operator leads.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// A line of JSON for each decision that is kept, the oldest first; none for a job that is not driven here.
    pub fn lines(&self, job: &NamespacedName) -> Option<String> {
        let records = self.lock();
        let lines = records.get(job)?.entries.iter().filter_map(|entry| serde_json::to_string(entry).ok());
        Some(lines.map(|line| line + "\n").collect())
    }
}
