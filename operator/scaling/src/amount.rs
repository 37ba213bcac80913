//! From what a profile prepares for to workers: how many records a second it expects at an instant,
//! and when that changes.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::learned::Capability;
use crate::policy::{Adjustment, Amount, Profile, Volume};

/// Share of their slots that workers are planned to use where bursts may wait a while: where the
/// promise is at least so many reaction times.
const PATIENT: (f64, f64) = (0.95, 3.0);
/// The same where they may not. In between the share rises evenly: a start that takes half a second
/// longer must not cost a quarter more workers.
const PROMPT: (f64, f64) = (0.75, 2.0);

/// What workers are expected to do, as far as floors follow from it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Plan {
    /// Records a second that a worker is planned to do.
    per_worker: f64,
    /// Records a second that a worker can do.
    at_most: f64,
}

impl Plan {
    /// 33/s a worker, a promise of 60 s and 6 s to react: 33 x 0.95 = 31/s; with 5 s: 33 x 0.75 = 25/s;
    /// with 15 s, two and a half reactions: 33 x 0.85 = 28/s.
    pub(crate) fn of(capability: &Capability, wait: f64) -> Self {
        let reactions = wait / capability.reaction().as_secs_f64();
        let patience = ((reactions - PROMPT.1) / (PATIENT.1 - PROMPT.1)).clamp(0.0, 1.0);
        let at_most = capability.service.per_worker();
        let share = PROMPT.0 * (1.0 - patience) + PATIENT.0 * patience;
        Self { per_worker: at_most * share, at_most }
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
        let percent = self.percent_on(self.schedule.day(at)?);
        let adjusted = |per_second: f64| plan.workers(per_second * f64::from(percent) / 100.0);
        Some(match amount {
            Amount::Floor(workers) => {
                let workers = (u64::from(*workers) * u64::from(percent)).div_ceil(100);
                u32::try_from(workers).unwrap_or(u32::MAX)
            }
            Amount::Rate(per_second) => adjusted(*per_second),
            Amount::Volume(volume) => adjusted(self.per_second(volume, at)?),
        })
    }

    /// Per cent of its amount that it prepares for in the window that starts on `day`.
    fn percent_on(&self, day: Date) -> u32 {
        let named =
            |adjustment: &&Adjustment| adjustment.dates.iter().any(|(first, last)| (*first..=*last).contains(&day));
        self.adjustments.iter().find(named).map_or(100, |adjustment| adjustment.percent)
    }

    /// The instant by which all that came in the run that is open, or was last, has to have started;
    /// none if that has passed, or if only the promise counts.
    pub(crate) fn finish_by(&self, now: Timestamp) -> Option<Timestamp> {
        let Some(Amount::Volume(Volume { within: Some(within), .. })) = &self.amount else { return None };
        let inside = |end: Timestamp| end - SignedDuration::from_nanos(1);
        let at = if self.schedule.is_active(now) { now } else { inside(self.schedule.last_end(now)?) };
        let first = self.schedule.run(at)?.into_iter().find_map(|day| self.schedule.on(day))?;
        first.0.checked_add(*within).ok().filter(|finish| now < *finish)
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
