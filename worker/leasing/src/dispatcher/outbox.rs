//! Messages to one worker that were not sent yet, in order, with neighbouring leases in one frame.

use std::collections::VecDeque;

use imagejob_protocol::wire::{self, from_dispatcher::Message};

/// A frame takes leases until it holds this many bytes; a larger record travels alone.
const FRAME_BYTES: usize = 1 << 20;

/// A queue of frames. Bounded by what fills it: leases by the worker's credit, the rest by what the
/// worker sent.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    frames: VecDeque<wire::FromDispatcher>,
    /// Bytes of records in the last frame, if that carries leases.
    last: usize,
}

impl Outbox {
    /// Adds a lease of a record of `bytes`.
    pub(crate) fn lease(&mut self, lease: wire::Lease, bytes: usize) {
        if let Some(wire::FromDispatcher { message: Some(Message::Loans(loans)) }) = self.frames.back_mut()
            && self.last + bytes <= FRAME_BYTES
        {
            loans.leases.push(lease);
            self.last += bytes;
        } else {
            self.push(Message::Loans(wire::Loans { leases: vec![lease] }));
            self.last = bytes;
        }
    }

    /// Adds any other message.
    pub(crate) fn push(&mut self, message: Message) {
        self.frames.push_back(wire::FromDispatcher { message: Some(message) });
    }

    /// The next frame to send.
    pub(crate) fn pop(&mut self) -> Option<wire::FromDispatcher> {
        self.frames.pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Forgets everything: the stream is gone.
    pub(crate) fn clear(&mut self) {
        self.frames.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(attempt: u32) -> wire::Lease {
        wire::Lease { attempt, ..wire::Lease::default() }
    }

    /// The attempts of the leases in each frame; empty for other messages.
    fn drain(outbox: &mut Outbox) -> Vec<Vec<u32>> {
        std::iter::from_fn(|| outbox.pop())
            .map(|frame| match frame.message {
                Some(Message::Loans(loans)) => loans.leases.iter().map(|lease| lease.attempt).collect(),
                _ => Vec::new(),
            })
            .collect()
    }

    #[test]
    fn neighbouring_leases_share_a_frame_and_order_is_kept() {
        let mut outbox = Outbox::default();
        outbox.lease(lease(1), 10);
        outbox.lease(lease(2), 10);
        outbox.push(Message::Ack(wire::Ack::default()));
        outbox.lease(lease(3), 10);
        assert_eq!(drain(&mut outbox), [vec![1, 2], vec![], vec![3]]);
        assert!(outbox.is_empty());
    }

    #[test]
    fn a_frame_ends_at_a_mebibyte() {
        let mut outbox = Outbox::default();
        for attempt in 1..=3 {
            outbox.lease(lease(attempt), 600 << 10);
        }
        outbox.lease(lease(4), 100 << 10);
        assert_eq!(drain(&mut outbox), [vec![1], vec![2], vec![3, 4]]);
    }
}
