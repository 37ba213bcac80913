//! Takes part in the election and says until when we lead. What is judged is in
//! [`lease`](crate::lease).
//!
//! Whoever acts as the leader watches the instant itself: a renewal that hangs can so never make it
//! act too long. A candidate that loses stands down and stays a candidate; its caches stay warm.

use std::time::Duration;

use imagejob_operator::Clock;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::cluster::failure::cause;
use crate::lease::{ATTEMPT, RENEW_DEADLINE, RETRY, RETRY_FAILED, Verdict, Watch, claim, evaluate, release};
use crate::trouble::Trouble;

/// Name of the Lease, in the operator's own namespace.
pub const LEASE_NAME: &str = "imagejob-operator";

/// Until when we lead; none while we do not.
#[derive(Debug, Clone)]
pub struct Leadership(watch::Receiver<Option<Instant>>);

impl Leadership {
    /// Leadership for good, of an operator that has no rival.
    pub fn undisputed() -> Self {
        let never = now() + Duration::from_hours(24 * 365 * 30);
        Self(watch::channel(Some(never)).1)
    }

    /// True if we lead now.
    pub fn holds(&self) -> bool {
        self.0.borrow().is_some_and(|until| now() < until)
    }

    /// Waits until we lead.
    pub async fn gained(&mut self) {
        while !self.holds() {
            if self.0.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits until we lead no more.
    pub async fn lost(&mut self) {
        loop {
            let until = *self.0.borrow_and_update();
            let Some(until) = until.filter(|until| now() < *until) else { return };
            tokio::select! {
                () = sleep_until(until) => {}
                changed = self.0.changed() => {
                    if changed.is_err() {
                        return sleep_until(until).await;
                    }
                }
            }
        }
    }
}

#[allow(clippy::disallowed_methods)] // Monotonic, and tokio's, so that tests drive it.
fn now() -> Instant {
    Instant::now()
}

/// How far an attempt got.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// The lease was written, or is another one's.
    Taken,
    /// It is not as we knew it.
    Outdated,
}

/// A candidate.
#[derive(Debug)]
pub struct Election<K> {
    leases: Api<Lease>,
    me: String,
    clock: K,
    began: Instant,
    watch: Watch,
    /// The lease as it was told last; none when that may not be so any more.
    known: Option<Lease>,
    trouble: Trouble,
    until: watch::Sender<Option<Instant>>,
}

impl<K: Clock> Election<K> {
    /// A candidate called `me`, which no other process ever is, for the Lease in `namespace`.
    pub fn new(client: Client, namespace: &str, me: String, clock: K) -> (Self, Leadership) {
        let (until, leadership) = watch::channel(None);
        let leases = Api::namespaced(client, namespace);
        let election = Self {
            leases,
            me,
            clock,
            began: now(),
            watch: Watch::default(),
            known: None,
            trouble: Trouble::default(),
            until,
        };
        (election, Leadership(leadership))
    }

    /// Acquires and renews until `stop`; then lets go, so that another one leads at once.
    pub async fn campaign(mut self, stop: CancellationToken) {
        loop {
            let attempt = async {
                let failed = match timeout(ATTEMPT, self.attempt()).await {
                    Ok(Ok(())) => None,
                    Ok(Err(error)) => {
                        self.known = None;
                        Some(cause(&error))
                    }
                    Err(_) => Some("the API server did not answer in time".to_owned()),
                };
                self.tell(failed.as_deref());
                sleep(if failed.is_some() { RETRY_FAILED } else { RETRY }).await;
            };
            tokio::select! {
                () = attempt => {}
                () = stop.cancelled() => break,
            }
        }
        if self.until.send_replace(None).is_some_and(|until| now() < until)
            && let Ok(Err(error)) = timeout(ATTEMPT, self.let_go()).await
        {
            tracing::warn!(error = cause(&error), "the lease was not released and runs out by itself");
        }
    }

    fn tell(&mut self, failed: Option<&str>) {
        match failed {
            Some(error) if self.trouble.is_news(error) => {
                tracing::warn!(error, "the lease cannot be read or written");
            }
            None if self.trouble.is_over() => tracing::info!("the lease can be read and written again"),
            _ => {}
        }
    }

    /// Reads the lease if it is not known, and writes it if it is ours or free. Where it turns out to
    /// be another one than was known, as after a lost answer, once more from the beginning.
    async fn attempt(&mut self) -> Result<(), kube::Error> {
        if self.step().await? == Step::Outdated {
            self.step().await?;
        }
        Ok(())
    }

    async fn step(&mut self) -> Result<Step, kube::Error> {
        if self.known.is_none() {
            self.known = self.leases.get_opt(LEASE_NAME).await?;
        }
        let lease = self.known.clone().unwrap_or_else(|| Lease {
            metadata: ObjectMeta { name: Some(LEASE_NAME.to_owned()), ..ObjectMeta::default() },
            spec: None,
        });
        let spec = lease.spec.clone().unwrap_or_default();
        let since = self.watch.observe(&spec, self.began.elapsed());
        if evaluate(&spec, &self.me, since, self.began.elapsed()) == Verdict::Wait {
            // What another one holds is read anew each time.
            self.known = None;
            return Ok(Step::Taken);
        }
        let sent_at = now();
        let wanted = Lease { spec: Some(claim(&spec, &self.me, self.clock.now())), ..lease };
        let written = match wanted.metadata.resource_version {
            Some(_) => self.leases.replace(LEASE_NAME, &PostParams::default(), &wanted).await,
            None => self.leases.create(&PostParams::default(), &wanted).await,
        };
        match written {
            Ok(lease) => {
                self.known = Some(lease);
                self.until.send_replace(Some(sent_at + RENEW_DEADLINE));
                Ok(Step::Taken)
            }
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists() => {
                self.known = None;
                Ok(Step::Outdated)
            }
            Err(error) => Err(error),
        }
    }

    async fn let_go(&mut self) -> Result<(), kube::Error> {
        let lease = match self.known.take() {
            Some(lease) => Some(lease),
            None => self.leases.get_opt(LEASE_NAME).await?,
        };
        let Some(mut lease) = lease else { return Ok(()) };
        let spec = lease.spec.clone().unwrap_or_default();
        if spec.holder_identity.as_deref() == Some(&self.me) {
            lease.spec = Some(release(&spec));
            self.leases.replace(LEASE_NAME, &PostParams::default(), &lease).await?;
        }
        Ok(())
    }
}
