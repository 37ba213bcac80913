//! A fixed number of workers, chosen by who knows the traffic in advance.

use crate::simulate::{Scaler, Trace, View, World, simulate};

/// So many workers, always.
pub struct Standing(pub u32);

impl Scaler for Standing {
    fn look(&mut self, _: &View) -> u32 {
        self.0
    }

    fn standing(&self) -> u32 {
        self.0
    }
}

/// The smallest fixed number that keeps the promise for 99 % of the records; the maximum if none
/// does.
pub fn best_standing(world: &World, trace: &Trace, seed: u64) -> Standing {
    let keeps = |count: u32| {
        let course = simulate(world, trace, &mut Standing(count), seed);
        course.waits.share_above(world.wait) <= 0.01
    };
    let (mut too_few, mut enough) = (0, world.max_replicas);
    while enough - too_few > 1 {
        let count = u32::midpoint(too_few, enough);
        if keeps(count) {
            enough = count;
        } else {
            too_few = count;
        }
    }
    Standing(enough)
}
