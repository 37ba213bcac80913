//! Before the group is joined: runs what [`Joining`] decides, over an outsider's client.
//!
//! [`Joining`]: imagejob_leasing::dispatcher::Joining

use std::time::Duration;

use imagejob_leasing::dispatcher::{Approach, Look};
use imagejob_protocol::settings::GroupProtocol;
use tracing::info;

use super::Core;
use crate::broker::BrokerError;

impl Core {
    /// Joins the group, at once or when that harms nobody.
    pub(super) fn join_when_due(&mut self, now: Duration) {
        let partitions = self.desk.partitions_in_all();
        if self.belonging.group.is_some() || partitions.is_empty() || self.stopping.is_some() {
            return;
        }
        let dispatchers = match self.settings.group_protocol {
            // More than partitions would have nothing to do.
            GroupProtocol::Classic => partitions.len().min(self.settings.peers_expected as usize),
            // Each is told by itself what it gets: nobody's commits wait, however many there are.
            GroupProtocol::Consumer => 1,
        };
        match self.joining.due(now, dispatchers) {
            Some(Approach::Join) => self.join(partitions.len() as u32),
            Some(Approach::Look) => match self.questions.outsider.clone() {
                Some(outsider) => self.questions.look(outsider, &self.settings.consumer_group, partitions, dispatchers),
                None => self.see(now, None),
            },
            None => {}
        }
    }

    pub(super) fn look_again_when_due(&mut self, now: Duration) {
        if self.joining.is_waiting() {
            self.join_when_due(now);
        }
    }

    /// The broker said how the group looks.
    pub(super) fn on_look(&mut self, now: Duration, look: Result<Look, BrokerError>) {
        let look = match look {
            Ok(look) => Some(look),
            Err(error) => {
                info!(%error, "the group cannot be looked at before it is joined");
                None
            }
        };
        self.see(now, look);
    }

    fn see(&mut self, now: Duration, look: Option<Look>) {
        if self.joining.saw(now, look) {
            info!("the group is full: whoever is dead in it may expire before a rebalance waits for it");
        }
        self.join_when_due(now);
    }
}
