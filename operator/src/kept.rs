//! What a job's weeks have taught, over restarts of this program: recalled before it is needed, kept every
//! hour.

use std::sync::Arc;

use imagejob_api::{LearningStatus, ValidatedJob};
use imagejob_scaling::{Memory, Mode, Season};
use jiff::{SignedDuration, Timestamp};

use crate::seams::Cluster;

/// So often it is kept: a program that is killed forgets an hour of one week.
const EVERY: SignedDuration = SignedDuration::from_hours(1);
/// What could not be recalled or kept is tried again after this long.
const AGAIN: SignedDuration = SignedDuration::from_secs(30);

/// How far recalling and keeping came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kept {
    /// Nothing is written over what was not read.
    recalled: bool,
    /// Neither recalled nor kept before this.
    not_before: Option<Timestamp>,
    /// What was kept last.
    season: Option<Arc<Season>>,
    /// What to say of it.
    status: Option<LearningStatus>,
}

impl Kept {
    /// What to say of it; none if nothing was kept by this program.
    pub(crate) fn status(&self) -> Option<LearningStatus> {
        self.status
    }

    /// `memory` with what an earlier program kept, as soon as that is of use: `there_is_some` says that it did
    /// keep something.
    pub(crate) async fn recall<C: Cluster>(
        &mut self,
        at: Timestamp,
        job: &ValidatedJob,
        there_is_some: bool,
        cluster: &C,
        memory: Memory,
    ) -> Memory {
        let of_use = there_is_some || memory.season().is_some();
        if self.recalled || !of_use || !self.is_time(at, cluster) || job.scaling.learning.mode == Mode::Disabled {
            return memory;
        }
        match cluster.recall_season(&job.name).await {
            Ok(bytes) => {
                self.recalled = true;
                self.not_before = at.checked_add(EVERY).ok();
                let season = bytes.map(|bytes| Season::from_bytes(&bytes)).transpose();
                let season = season.unwrap_or_else(|error| {
                    tracing::warn!(job = %job.name, %error, "what was learned cannot be read; learning begins anew");
                    None
                });
                // The one slot that may have been written down meanwhile is forgotten.
                season.map(Arc::new).map_or(memory.clone(), |season| memory.knowing(season))
            }
            Err(error) => {
                tracing::warn!(job = %job.name, %error, "what was learned is not known yet");
                self.not_before = at.checked_add(AGAIN).ok();
                memory
            }
        }
    }

    /// Decisions do not wait for it: where statuses are on their way already, a later round will do.
    fn is_time<C: Cluster>(&self, at: Timestamp, cluster: &C) -> bool {
        self.not_before.is_none_or(|not_before| at >= not_before) && cluster.has_time_for_status()
    }

    /// Keeps what `memory` has learned, if it is time and there is something new.
    pub(crate) async fn keep<C: Cluster>(&mut self, at: Timestamp, job: &ValidatedJob, cluster: &C, memory: &Memory) {
        let due = self.recalled && self.is_time(at, cluster);
        let Some(season) = memory.season().filter(|season| due && self.season.as_ref() != Some(*season)) else {
            return;
        };
        match cluster.keep_season(&job.name, &season.to_bytes()).await {
            Ok(()) => {
                let weeks = u32::try_from(season.weeks_known()).unwrap_or_default();
                self.status = Some(LearningStatus { weeks, kept_at: at });
                self.season = Some(season.clone());
                self.not_before = at.checked_add(EVERY).ok();
            }
            Err(error) => {
                tracing::warn!(job = %job.name, %error, "what was learned is not kept yet");
                self.not_before = at.checked_add(AGAIN).ok();
            }
        }
    }
}
