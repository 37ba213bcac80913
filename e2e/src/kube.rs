//! A cluster from outside: `kubectl` against whatever `make e2e` stood up.
//!
//! * [`kubectl`]: one call of it, and waiting for what it shows.
//! * [`crash`]: the end of a pod's process without a goodbye.
//! * [`world`]: a namespace with a broker, a store and a job, that is gone when the story ends.

pub mod crash;
pub mod kubectl;
pub mod world;

pub use kubectl::Kube;
pub use world::World;
