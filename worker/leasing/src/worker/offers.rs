//! Which free slot is offered to which dispatcher. Pure: messages go in, credits come out.
//!
//! A slot is offered to one dispatcher at a time, so that leases on the way can never exceed the
//! slots. A credit is absolute and versioned; one that was lowered may still be answered with a
//! lease that left before it arrived, so its slot stays committed until the dispatcher
//! acknowledged the lower version.
//!
//! Worked example: 8 slots, dispatcher A with 30 records waiting and B with 10. Shares are 6 and
//! 2. When B runs dry and A has 100, the shares become 8 and 0: B's credit is lowered to 0 at
//! once, A's is raised to 8 when B has acknowledged.

use std::collections::{BTreeMap, VecDeque};

/// A dispatcher's id, as its Welcome says.
pub type DispatcherId = String;

/// A new credit to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// To whom.
    pub dispatcher: DispatcherId,
    /// Grows with each offer to this dispatcher.
    pub version: u64,
    /// Leases that it may have with us at once.
    pub leases: u32,
}

#[derive(Debug, Default)]
struct Peer {
    /// Records waiting there, as last heard.
    waiting: u64,
    /// Leases of this dispatcher that we hold.
    held: u32,
    /// Version and size of credits sent and not surely replaced; the newest is the last.
    sent: VecDeque<(u64, u32)>,
}

impl Peer {
    fn limit(&self) -> u32 {
        self.sent.back().map_or(0, |(_, leases)| *leases)
    }

    /// Slots that this dispatcher may yet fill or has filled.
    fn committed(&self) -> u32 {
        self.sent.iter().map(|(_, leases)| *leases).max().unwrap_or(0).max(self.held)
    }

    fn offer(&mut self, dispatcher: &str, leases: u32) -> Offer {
        let version = self.sent.back().map_or(0, |(version, _)| *version) + 1;
        self.sent.push_back((version, leases));
        Offer { dispatcher: dispatcher.to_owned(), version, leases }
    }
}

/// All slots of a worker and to whom they are offered.
#[derive(Debug)]
pub struct Offers {
    slots: u32,
    /// Slots at work on leases whose dispatcher is gone.
    orphaned: u32,
    peers: BTreeMap<DispatcherId, Peer>,
}

impl Offers {
    /// A worker of `slots` slots that knows no dispatcher yet.
    pub fn new(slots: u32) -> Self {
        Self { slots, orphaned: 0, peers: BTreeMap::new() }
    }

    /// No more leases are wanted: from now on every credit is zero.
    pub fn close(&mut self) {
        self.slots = 0;
    }

    /// A stream is up.
    pub fn connected(&mut self, dispatcher: &str) {
        self.peers.insert(dispatcher.to_owned(), Peer::default());
    }

    /// A stream broke: what it lent is still worked on.
    pub fn disconnected(&mut self, dispatcher: &str) {
        if let Some(peer) = self.peers.remove(dispatcher) {
            self.orphaned += peer.held;
        }
    }

    /// What a dispatcher says of its backlog.
    pub fn backlog(&mut self, dispatcher: &str, waiting: u64) {
        if let Some(peer) = self.peers.get_mut(dispatcher) {
            peer.waiting = waiting;
        }
    }

    /// A lease arrived.
    pub fn leased(&mut self, dispatcher: &str) {
        if let Some(peer) = self.peers.get_mut(dispatcher) {
            peer.held += 1;
            peer.waiting = peer.waiting.saturating_sub(1);
        }
    }

    /// A lease ended.
    pub fn ended(&mut self, dispatcher: &str) {
        if let Some(peer) = self.peers.get_mut(dispatcher) {
            peer.held = peer.held.saturating_sub(1);
        }
    }

    /// Work whose dispatcher is gone ended, or found another dispatcher that lends it.
    pub fn orphan_ended(&mut self) {
        self.orphaned = self.orphaned.saturating_sub(1);
    }

    /// The dispatcher knows credits up to `version`: older ones no longer count.
    pub fn acknowledged(&mut self, dispatcher: &str, version: u64) {
        if let Some(peer) = self.peers.get_mut(dispatcher) {
            while peer.sent.len() > 1 && peer.sent[1].0 <= version {
                peer.sent.pop_front();
            }
        }
    }

    /// The credits to send now: lowered ones first, raised ones from what is surely free.
    pub fn rebalance(&mut self) -> Vec<Offer> {
        let shares = self.shares();
        let mut offers = Vec::new();
        for (id, peer) in &mut self.peers {
            if shares[id] < peer.limit() {
                offers.push(peer.offer(id, shares[id]));
            }
        }
        let committed: u32 = self.peers.values().map(Peer::committed).sum();
        let mut free = self.slots.saturating_sub(self.orphaned).saturating_sub(committed);
        for (id, peer) in &mut self.peers {
            let raise = shares[id].saturating_sub(peer.committed()).min(free);
            if raise > 0 {
                free -= raise;
                let leases = peer.committed() + raise;
                offers.push(peer.offer(id, leases));
            }
        }
        offers
    }

    /// The slots that each dispatcher should have: in proportion to what waits there (the
    /// highest-averages method, so nobody gets more than it can use while another could use it),
    /// and what nobody needs spread evenly, so that the next record finds a credit anywhere.
    fn shares(&self) -> BTreeMap<DispatcherId, u32> {
        let mut shares: BTreeMap<DispatcherId, u32> = self.peers.keys().map(|id| (id.clone(), 0)).collect();
        for _ in 0..self.slots.saturating_sub(self.orphaned) {
            let wanting =
                self.peers.iter().filter(|(id, peer)| u64::from(shares[*id]) < peer.waiting + u64::from(peer.held));
            let most = wanting.max_by(|(a, x), (b, y)| {
                let weight = |peer: &Peer| u128::from(peer.waiting + u64::from(peer.held));
                (weight(x) * u128::from(shares[*b] + 1)).cmp(&(weight(y) * u128::from(shares[*a] + 1)))
            });
            let next = match most {
                Some((id, _)) => Some(id.clone()),
                None => shares.iter().min_by_key(|(_, share)| **share).map(|(id, _)| id.clone()),
            };
            if let Some(share) = next.and_then(|id| shares.get_mut(&id)) {
                *share += 1;
            }
        }
        shares
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn offers(slots: u32, waiting: &[(&str, u64)]) -> Offers {
        let mut offers = Offers::new(slots);
        for (id, waiting) in waiting {
            offers.connected(id);
            offers.backlog(id, *waiting);
        }
        offers
    }

    fn sizes(offers: &[Offer]) -> Vec<(&str, u32)> {
        offers.iter().map(|offer| (offer.dispatcher.as_str(), offer.leases)).collect()
    }

    #[test]
    fn shares_follow_what_waits() {
        for (slots, waiting, expected) in [
            (8, vec![("a", 30), ("b", 10)], vec![("a", 6), ("b", 2)]),
            (8, vec![("a", 1_000_000), ("b", 1)], vec![("a", 8)]),
            (8, vec![("a", 2), ("b", 0)], vec![("a", 4), ("b", 4)]),
            (8, vec![("a", 0), ("b", 0)], vec![("a", 4), ("b", 4)]),
            (1, vec![("a", 0), ("b", 3)], vec![("b", 1)]),
            (1, vec![("a", 0), ("b", 0)], vec![("a", 1)]),
            (64, vec![("a", 5)], vec![("a", 64)]),
        ] {
            assert_eq!(sizes(&offers(slots, &waiting).rebalance()), expected, "{slots} slots, {waiting:?}");
        }
    }

    #[test]
    fn a_slot_moves_only_after_the_lower_credit_is_acknowledged() {
        let mut offers = offers(8, &[("a", 30), ("b", 10)]);
        offers.rebalance();
        offers.backlog("a", 100);
        offers.backlog("b", 0);
        assert_eq!(sizes(&offers.rebalance()), [("b", 0)]);
        // A lease of B was on the way and arrives before the acknowledgement: it keeps its slot.
        offers.leased("b");
        offers.acknowledged("b", 2);
        assert_eq!(sizes(&offers.rebalance()), [("a", 7)]);
        offers.ended("b");
        assert_eq!(sizes(&offers.rebalance()), [("a", 8)]);
    }

    #[test]
    fn orphans_keep_their_slots_until_they_end() {
        let mut offers = offers(4, &[("a", 10)]);
        offers.rebalance();
        for _ in 0..3 {
            offers.leased("a");
        }
        offers.disconnected("a");
        offers.connected("b");
        offers.backlog("b", 10);
        assert_eq!(sizes(&offers.rebalance()), [("b", 1)]);
        offers.orphan_ended();
        assert_eq!(sizes(&offers.rebalance()), [("b", 2)]);
    }

    #[test]
    fn a_closed_worker_lowers_every_credit_to_zero() {
        let mut offers = offers(4, &[("a", 10), ("b", 10)]);
        offers.rebalance();
        offers.close();
        assert_eq!(sizes(&offers.rebalance()), [("a", 0), ("b", 0)]);
    }

    /// Random steps against a dispatcher that may fill any credit it has not been told is gone.
    #[test]
    fn leases_never_exceed_slots() {
        for seed in 0..500u64 {
            let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
            let mut next = |below: u64| {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                random % below
            };
            let slots = 1 + next(8) as u32;
            let ids = ["a", "b", "c"];
            let mut offers = offers(slots, &[("a", next(20)), ("b", next(20)), ("c", next(20))]);
            // Per dispatcher: credits on the way, the credit in force there, its leases.
            let mut wires: BTreeMap<&str, VecDeque<(u64, u32)>> = ids.iter().map(|id| (*id, VecDeque::new())).collect();
            let mut force: BTreeMap<&str, (u64, u32)> = ids.iter().map(|id| (*id, (0, 0))).collect();
            let mut held: BTreeMap<&str, u32> = ids.iter().map(|id| (*id, 0)).collect();
            for step in 0..300 {
                let id = ids[next(3) as usize];
                match next(5) {
                    0 => offers.backlog(id, next(30)),
                    1 => {
                        if let Some(credit) = wires.get_mut(id).and_then(VecDeque::pop_front) {
                            force.insert(id, credit);
                        }
                    }
                    2 => offers.acknowledged(id, force[id].0),
                    3 if held[id] < force[id].1 => {
                        *held.get_mut(id).unwrap() += 1;
                        offers.leased(id);
                    }
                    4 if held[id] > 0 => {
                        *held.get_mut(id).unwrap() -= 1;
                        offers.ended(id);
                    }
                    _ => {}
                }
                for offer in offers.rebalance() {
                    let id = ids.into_iter().find(|id| *id == offer.dispatcher).unwrap();
                    wires.get_mut(id).unwrap().push_back((offer.version, offer.leases));
                }
                let total: u32 = held.values().sum();
                assert!(total <= slots, "seed {seed} step {step}: {total} leases on {slots} slots");
            }
        }
    }
}
