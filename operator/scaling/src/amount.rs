//! From what a profile prepares for to workers: how many records a second it expects at an instant,
//! and when that changes.

use jiff::Timestamp;

use crate::learned::Capability;
use crate::policy::{Amount, Profile, Volume};

/// Share of their slots that workers are planned to use where bursts may wait a while.
const PATIENT: f64 = 0.95;
/// The same where they may not.
const PROMPT: f64 = 0.75;
/// A promise of so many reaction times is patient.
const PATIENT_REACTIONS: f64 = 6.0;

/// What workers are expected to do, as far as floors follow from it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Plan {
    /// Records a second that a worker is planned to do.
    per_worker: f64,
    /// Records a second that a worker can do.
    at_most: f64,
}

impl Plan {
    /// 33/s a worker, a promise of 60 s and 6 s to react: 33 x 0.95 = 31/s; with 5 s: 33 x 0.75 = 25/s.
    pub(crate) fn of(capability: &Capability, wait: f64) -> Self {
        let patient = wait >= PATIENT_REACTIONS * capability.reaction().as_secs_f64();
        let at_most = capability.service.per_worker();
        Self { per_worker: at_most * if patient { PATIENT } else { PROMPT }, at_most }
    }

    /// Workers that so many records a second keep busy, times a factor.
    pub(crate) fn busy(self, per_second: f64, factor: f64) -> u32 {
        // `as` saturates, and turns a rate that is no number into 0.
        (per_second * factor / self.at_most).ceil() as u32
    }

    /// Workers for so many records a second.
    pub(crate) fn workers(self, per_second: f64) -> u32 {
        // `as` saturates, and turns a rate that is no number into 0.
        (per_second / self.per_worker).ceil() as u32
    }
}

impl Profile {
    /// Workers that it asks for at `at`; none while it is not active, or if it asks for none.
    pub(crate) fn floor_at(&self, at: Timestamp, plan: Plan) -> Option<u32> {
        let amount = self.amount.as_ref()?;
        if !self.schedule.is_active(at) {
            return None;
        }
        Some(match amount {
            Amount::Floor(workers) => *workers,
            Amount::Rate(per_second) => plan.workers(*per_second),
            Amount::Volume(volume) => plan.workers(self.per_second(volume, at)?),
        })
    }

    /// Records a second at `at`: the volume by the weights of the run's seconds. 2,000,000 over two
    /// days with four hours a day of weight 6: 2 x (20 x 1 + 4 x 6) = 88 hours of weight, so 6.3/s
    /// outside the peaks and 37.9/s in them.
    fn per_second(&self, volume: &Volume, at: Timestamp) -> Option<f64> {
        let run = self.schedule.run(at)?;
        let length = |(from, to): (Timestamp, Timestamp)| to.duration_since(from).as_secs_f64();
        let (mut weight, mut here) = (0.0, 1.0);
        for day in run {
            let Some((opens, closes)) = self.schedule.on(day) else { continue };
            weight += length((opens, closes));
            for peak in &volume.peaks {
                let Some((from, to)) = self.schedule.window(day, peak.from, peak.to) else { continue };
                let (from, to) = (from.max(opens), to.min(closes));
                if from < to {
                    weight += (peak.weight - 1.0) * length((from, to));
                }
                if (from..to).contains(&at) {
                    here = peak.weight;
                }
            }
        }
        Some(volume.records as f64 * here / weight.max(1.0))
    }

    /// Instants within `[from, to]` at which its floor may change.
    pub(crate) fn steps(&self, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
        let zone = &self.schedule.zone;
        let mut day = from.to_zoned(zone.clone()).date();
        // A window or a peak of yesterday may end today.
        day = day.yesterday().unwrap_or(day);
        let last = to.to_zoned(zone.clone()).date();
        let mut steps = Vec::new();
        while day <= last {
            if let Some((opens, closes)) = self.schedule.on(day) {
                steps.extend([opens, closes]);
                if let Some(Amount::Volume(volume)) = &self.amount {
                    let peaks = volume.peaks.iter().filter_map(|p| self.schedule.window(day, p.from, p.to));
                    steps.extend(peaks.flat_map(|(from, to)| [from, to]));
                }
            }
            let Ok(next) = day.tomorrow() else { break };
            day = next;
        }
        steps.retain(|step| (from..=to).contains(step));
        steps.sort_unstable();
        steps.dedup();
        steps
    }
}
