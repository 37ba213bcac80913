//! Who leads: at most one operator acts at a time, by a Lease that it keeps renewing.
//!
//! Pure. [`election`](crate::election) carries out what is judged here.
//!
//! No clock is compared with that of another machine. A candidate judges a lease by how long it has
//! seen it unchanged on its own monotonic clock, and a leader judges itself by when it *sent* the
//! last renewal that went through:
//!
//! ```text
//! leader     sends renewal at t ────────────── stops acting at t + 3 s
//! API server          writes it at >= t
//! candidate                sees it at >= t ─────────────── takes over at >= t + 4 s
//! ```
//!
//! One second between the two is left for clocks that run at different speeds.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::LeaseSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;

/// A lease that nobody renewed for this long is free.
pub const LEASE: Duration = Duration::from_secs(4);

/// A leader that could not renew for this long leads no more.
pub const RENEW_DEADLINE: Duration = Duration::from_secs(3);

/// Pause between attempts to renew or to acquire.
pub const RETRY: Duration = Duration::from_secs(1);

/// An attempt that is not answered by then is given up, so that another one fits before the deadline.
pub const ATTEMPT: Duration = Duration::from_millis(1_400);

/// Pause after an attempt that failed: twice an attempt and this are the deadline.
pub const RETRY_FAILED: Duration = Duration::from_millis(200);

/// What a candidate should do about a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody leads: write our name into it.
    Acquire,
    /// We lead: write a new time into it.
    Renew,
    /// Another one leads.
    Wait,
}

/// Judges a lease that has been as it is since `observed_at`, both on our monotonic clock.
pub fn evaluate(spec: &LeaseSpec, me: &str, observed_at: Duration, now: Duration) -> Verdict {
    let free_after = spec.lease_duration_seconds.map_or(LEASE, |seconds| Duration::from_secs(seconds.max(0) as u64));
    match spec.holder_identity.as_deref() {
        None | Some("") => Verdict::Acquire,
        Some(holder) if holder == me => Verdict::Renew,
        Some(_) if now.saturating_sub(observed_at) >= free_after => Verdict::Acquire,
        Some(_) => Verdict::Wait,
    }
}

/// True while a leader whose last successful renewal was sent at `sent_at` may act.
pub fn leads(sent_at: Duration, now: Duration) -> bool {
    now.saturating_sub(sent_at) < RENEW_DEADLINE
}

/// The lease with our name and a new time in it. The wall clock is for people who read it.
pub fn claim(before: &LeaseSpec, me: &str, wall: Timestamp) -> LeaseSpec {
    let ours = before.holder_identity.as_deref() == Some(me);
    let transitions = before.lease_transitions.unwrap_or(0);
    LeaseSpec {
        holder_identity: Some(me.to_owned()),
        lease_duration_seconds: Some(LEASE.as_secs() as i32),
        acquire_time: before.acquire_time.clone().filter(|_| ours).or(Some(MicroTime(wall))),
        renew_time: Some(MicroTime(wall)),
        lease_transitions: Some(transitions + i32::from(!ours)),
        ..LeaseSpec::default()
    }
}

/// The lease without a holder: another one may lead at once.
pub fn release(before: &LeaseSpec) -> LeaseSpec {
    LeaseSpec { holder_identity: None, ..before.clone() }
}

/// Remembers since when a lease has been as it is.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    seen: Option<(LeaseSpec, Duration)>,
}

impl Watch {
    /// Takes in what the API server said at `now`; since when it has said just that.
    pub fn observe(&mut self, spec: &LeaseSpec, now: Duration) -> Duration {
        match &self.seen {
            Some((seen, since)) if seen == spec => *since,
            _ => {
                self.seen = Some((spec.clone(), now));
                now
            }
        }
    }
}
