//! One number of workers for all jobs of a namespace: who may run how many when they want more in all.
//!
//! Max-min fair: who wants less than an even share gets it, the others share the rest evenly. A job grows only
//! into what nobody holds, and gives back what lies above its share once others want it.

/// Another job under the same quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Neighbour {
    /// Workers that it was last asked to run.
    pub applied: u32,
    /// Workers that it would run without the quota; none before its first decision.
    pub wanted: Option<u32>,
}

/// Workers that a job may run which wants `wanted` and runs `applied`, beside its neighbours under `quota`.
///
/// Of 100, wanted 80 and 60 and 10: the last gets 10, the others 45 each. Whoever ran 80 comes down to 45; the
/// other grows as fast as that happens, so that all of them never hold more than the quota.
pub(crate) fn share(quota: u32, wanted: u32, applied: u32, neighbours: &[Neighbour]) -> u32 {
    let held = neighbours.iter().fold(0u32, |sum, neighbour| sum.saturating_add(neighbour.applied));
    let free = quota.saturating_sub(held);
    let others = neighbours.iter().map(|neighbour| neighbour.wanted.unwrap_or(neighbour.applied));
    let level = level(quota, others.chain([wanted]).collect());
    free.max(applied).min(level).max(free.min(1))
}

/// The most that each may have, so that all who want less have what they want and nothing is left over.
fn level(quota: u32, mut wanted: Vec<u32>) -> u32 {
    wanted.sort_unstable();
    let (mut left, mut sharers) = (quota, wanted.len() as u32);
    for each in wanted {
        if each > left / sharers {
            return left / sharers;
        }
        (left, sharers) = (left - each, sharers - 1);
    }
    quota
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_gets_what_it_wants_or_an_even_share_of_the_rest() {
        for (wanted, most) in [
            (vec![80, 60, 10], 45),
            (vec![80, 60], 50),
            (vec![30, 60, 10], 100),
            (vec![30, 61, 10], 60),
            (vec![100], 100),
            (vec![101], 100),
            (vec![7; 30], 3),
            (vec![], 100),
        ] {
            assert_eq!(level(100, wanted.clone()), most, "{wanted:?}");
        }
    }

    #[test]
    fn jobs_that_want_more_than_there_is_come_to_even_shares_and_never_hold_more() {
        // The first runs all, then two others come, then the first wants little.
        let mut wanted = [100, 0, 0];
        let mut applied = [0u32; 3];
        for round in 0..40 {
            match round {
                10 => wanted = [100, 60, 10],
                25 => wanted = [5, 60, 10],
                _ => {}
            }
            let me = round % 3;
            let neighbours: Vec<Neighbour> = (0..3)
                .filter(|other| *other != me)
                .map(|other| Neighbour { applied: applied[other], wanted: Some(wanted[other]) })
                .collect();
            applied[me] = wanted[me].min(share(100, wanted[me], applied[me], &neighbours));
            assert!(applied.iter().sum::<u32>() <= 100, "{applied:?} in round {round}");
            match round {
                9 => assert_eq!(applied, [100, 0, 0]),
                24 => assert_eq!(applied, [45, 45, 10]),
                39 => assert_eq!(applied, [5, 60, 10]),
                _ => {}
            }
        }
    }

    #[test]
    fn a_quota_that_was_lowered_is_given_back() {
        let other = [Neighbour { applied: 70, wanted: Some(70) }];
        assert_eq!(share(100, 70, 70, &other), 50);
        // The other wants little any more, but still runs: nothing to grow into yet.
        let other = [Neighbour { applied: 70, wanted: Some(10) }];
        assert_eq!(share(100, 70, 30, &other), 30);
    }
}
