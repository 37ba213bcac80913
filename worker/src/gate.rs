//! Who runs beside whom. A record that workers vanished with is leased alone: if it kills this
//! worker too, nobody else's work dies with it.

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Items run side by side unless one has to be alone.
#[derive(Debug, Default)]
pub struct Gate(RwLock<()>);

/// Leave to run, until dropped.
#[derive(Debug)]
#[must_use = "the turn ends when this is dropped"]
pub enum Turn<'a> {
    /// Beside others.
    Shared(RwLockReadGuard<'a, ()>),
    /// While nothing else runs.
    Alone(RwLockWriteGuard<'a, ()>),
}

impl Gate {
    /// Waits for a turn. The lock is fair: who comes after an item that waits to be alone waits
    /// behind it.
    pub async fn turn(&self, alone: bool) -> Turn<'_> {
        if alone { Turn::Alone(self.0.write().await) } else { Turn::Shared(self.0.read().await) }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn an_item_that_has_to_be_alone_waits_for_others_and_holds_later_ones_back() {
        let gate = Gate::default();
        let first = gate.turn(false).now_or_never().expect("nobody is there");
        let mut alone = Box::pin(gate.turn(true));
        assert!((&mut alone).now_or_never().is_none(), "the first still runs");
        assert!(gate.turn(false).now_or_never().is_none(), "the lonely one is next");
        drop(first);
        let alone = alone.now_or_never().expect("nobody is left");
        assert!(gate.turn(false).now_or_never().is_none());
        drop(alone);
        assert!(gate.turn(false).now_or_never().is_some());
    }
}
