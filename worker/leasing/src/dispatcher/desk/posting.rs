//! What workers are told: greetings first, then what waits in their outboxes, as far as streams take it.

use imagejob_protocol::wire::FromDispatcher;
use imagejob_protocol::wire::from_dispatcher::Message;

use super::Desk;
use crate::dispatcher::workers::SessionId;

/// Whether a stream takes a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// Now.
    Free,
    /// Later: what it does not take stays here.
    Full,
    /// Never again: it has ended, which is told soon.
    Gone,
}

/// The streams to workers.
pub trait Streams {
    /// Whether this stream takes a frame.
    fn room(&self, session: SessionId) -> Room;

    /// Sends a frame over a stream with room.
    fn send(&mut self, session: SessionId, frame: FromDispatcher);
}

impl Desk {
    /// Sends what streams take; the rest stays.
    pub fn post(&mut self, streams: &mut impl Streams) {
        let welcome = FromDispatcher { message: Some(Message::Welcome(self.welcome())) };
        for session in std::mem::take(&mut self.greetings) {
            // The stream is new, so there is room; if it is gone already, nobody waits for a welcome.
            if streams.room(session) == Room::Free {
                streams.send(session, welcome.clone());
            }
        }
        for key in self.workers.take_to_send() {
            let Some(worker) = self.workers.get_mut(key) else { continue };
            let Some(session) = worker.session else { continue };
            while streams.room(session) == Room::Free
                && let Some(frame) = worker.outbox.pop()
            {
                streams.send(session, frame);
            }
            if !worker.outbox.is_empty() && streams.room(session) == Room::Full {
                self.workers.send_later(key);
            }
        }
    }
}
