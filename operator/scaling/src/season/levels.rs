//! Eight weeks of required rates, a byte for each five minutes.

use std::fmt;

use super::Place;

/// Weeks that are kept.
const WEEKS: usize = 8;

/// A level above is so much more: 253 of them lead from 0.02/s to 50,000/s, each within 3 % of what it
/// stands for.
const STEP: f64 = 1.06;
/// Records a second of the lowest level above nothing.
const LOWEST: f64 = 0.02;

/// The first byte of what [`Season::to_bytes`] gives: another layout gets another one.
const LAYOUT: u8 = 1;
const HEADER: usize = 5;

/// Eight weeks of required rates.
#[derive(Clone, PartialEq, Eq)]
pub struct Season {
    /// The newest week of which anything is known.
    newest: u32,
    /// A week each, at its number modulo [`WEEKS`].
    weeks: Box<[[Level; Season::SLOTS]; WEEKS]>,
}

impl fmt::Debug for Season {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Season").field("newest", &self.newest).field("weeks", &self.weeks_known()).finish()
    }
}

/// A required rate: 0 is not known, 1 is nothing, and so on up in steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Level(u8);

impl Level {
    const NOTHING: Self = Self(1);

    fn of(per_second: f64) -> Self {
        if per_second < LOWEST / 2.0 {
            return Self::NOTHING;
        }
        let steps = (per_second / LOWEST).ln() / STEP.ln();
        // `as` saturates.
        Self((steps.round().max(0.0) as u8).saturating_add(2))
    }

    /// Records a second; none if not known.
    fn per_second(self) -> Option<f64> {
        match self.0 {
            0 => None,
            1 => Some(0.0),
            level => Some(LOWEST * STEP.powi(i32::from(level) - 2)),
        }
    }
}

/// Why bytes are no season.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// They have another layout: another version of this program wrote them.
    Layout(u8),
    /// They are too few or too many.
    Length(usize),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Layout(layout) => write!(f, "layout {layout} is not known, only {LAYOUT} is"),
            Self::Length(length) => write!(f, "{length} bytes are not {}", Season::BYTES),
        }
    }
}

impl std::error::Error for Unreadable {}

impl Season {
    /// Slots of a day.
    pub(super) const SLOTS_OF_A_DAY: usize = 288;
    /// Slots of a week.
    pub(super) const SLOTS: usize = 7 * Self::SLOTS_OF_A_DAY;
    /// Length of what [`Self::to_bytes`] gives.
    pub const BYTES: usize = HEADER + WEEKS * Self::SLOTS;

    /// Nothing is known yet.
    pub(super) fn beginning(week: u32) -> Self {
        Self { newest: week, weeks: Box::new([[Level::default(); Self::SLOTS]; WEEKS]) }
    }

    /// That a slot required so many records a second. Of an hour that the clocks show twice the
    /// greater counts. What lies eight weeks back is forgotten.
    pub(super) fn put(&mut self, place: Place, per_second: f64) {
        if place.week > self.newest {
            let skipped = (place.week - self.newest).min(WEEKS as u32);
            for week in 0..skipped {
                self.weeks[(place.week - week) as usize % WEEKS].fill(Level::default());
            }
            self.newest = place.week;
        }
        // A clock that is set back by two months teaches nothing.
        if self.newest - place.week < WEEKS as u32 {
            let level = &mut self.weeks[place.week as usize % WEEKS][place.slot];
            *level = Level::of(per_second).max(*level);
        }
    }

    /// What a slot required in its own week, records a second; none if not known.
    pub(super) fn at(&self, place: Place) -> Option<f64> {
        let known = self.newest >= place.week && self.newest - place.week < WEEKS as u32;
        self.weeks[place.week as usize % WEEKS][place.slot].per_second().filter(|_| known)
    }

    /// The same of the same slot in the other weeks that are kept, in ascending order.
    pub(super) fn others(&self, place: Place) -> impl ExactSizeIterator<Item = f64> {
        let mut known = [Level::default(); WEEKS];
        let mut count = 0;
        let oldest = self.newest.saturating_sub(WEEKS as u32 - 1);
        for week in (oldest..=self.newest).filter(|week| *week != place.week) {
            let level = self.weeks[week as usize % WEEKS][place.slot];
            if level != Level::default() {
                known[count] = level;
                count += 1;
            }
        }
        known[..count].sort_unstable();
        known.into_iter().take(count).map(|level| level.per_second().unwrap_or(0.0))
    }

    /// Weeks of which anything is known.
    pub fn weeks_known(&self) -> usize {
        self.weeks.iter().filter(|week| week.iter().any(|level| *level != Level::default())).count()
    }

    /// To be kept somewhere: 16,133 bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let levels = self.weeks.iter().flatten().map(|level| level.0);
        std::iter::once(LAYOUT).chain(self.newest.to_le_bytes()).chain(levels).collect()
    }

    /// What was kept.
    ///
    /// # Errors
    /// When that is no season.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Unreadable> {
        match bytes {
            [LAYOUT, a, b, c, d, levels @ ..] if bytes.len() == Self::BYTES => {
                let mut season = Self::beginning(u32::from_le_bytes([*a, *b, *c, *d]));
                for (level, byte) in season.weeks.iter_mut().flatten().zip(levels) {
                    *level = Level(*byte);
                }
                Ok(season)
            }
            [layout, ..] if *layout != LAYOUT => Err(Unreadable::Layout(*layout)),
            _ => Err(Unreadable::Length(bytes.len())),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn place(week: u32) -> Place {
        Place { week, slot: 7 }
    }

    #[test]
    fn a_level_is_within_three_per_cent_of_what_it_stands_for() {
        for rate in [0.02, 0.5, 1.0, 37.9, 4_500.0, 20_000.0, 48_000.0] {
            let kept = Level::of(rate).per_second().unwrap();
            assert!((kept / rate - 1.0).abs() < 0.03, "{rate} became {kept}");
        }
        assert_eq!(Level::of(0.0).per_second(), Some(0.0));
        assert_eq!(Level::of(f64::NAN).per_second(), Some(LOWEST));
        // Beyond the highest level the highest counts.
        assert_eq!(Level::of(1e9), Level(255));
        assert_eq!(Level::default().per_second(), None);
    }

    #[test]
    fn eight_weeks_are_kept_and_no_ninth() {
        let mut season = Season::beginning(100);
        for week in 100..109 {
            season.put(place(week), f64::from(week));
        }
        let kept: Vec<_> = season.others(place(109)).map(|rate| (rate / 2.0).round() * 2.0).collect();
        assert_eq!(kept.len(), 8, "{kept:?}");
        assert_eq!(season.at(place(100)), None, "the week that week 108 replaced");
        assert_eq!(season.others(place(105)).len(), 7, "its own week is not among the others");
        assert_eq!(season.weeks_known(), 8);
        // Three weeks without a word: these are not known, nor what they replaced.
        season.put(place(112), 5.0);
        assert_eq!(season.others(place(113)).len(), 5);
        // A year without a word, and a clock that was wrong for a moment.
        season.put(place(160), 5.0);
        season.put(place(112), 7.0);
        assert_eq!((season.others(place(161)).len(), season.at(place(112))), (1, None));
    }

    #[test]
    fn the_greater_of_two_hours_of_the_same_name_counts() {
        let mut season = Season::beginning(3);
        season.put(place(3), 40.0);
        season.put(place(3), 10.0);
        assert!((season.at(place(3)).unwrap() - 40.0).abs() < 1.5);
    }

    #[test]
    fn what_is_kept_is_read_again() {
        let mut season = Season::beginning(1_350);
        season.put(place(1_350), 4_500.0);
        season.put(place(1_351), 0.0);
        let bytes = season.to_bytes();
        assert_eq!(bytes.len(), Season::BYTES);
        assert_eq!(Season::from_bytes(&bytes), Ok(season));
        assert_eq!(Season::from_bytes(&bytes[1..]), Err(Unreadable::Layout(bytes[1])));
        assert_eq!(Season::from_bytes(&bytes[..900]), Err(Unreadable::Length(900)));
        assert_eq!(Season::from_bytes(&[]), Err(Unreadable::Length(0)));
    }
}
