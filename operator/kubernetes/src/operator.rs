//! The program: watches, election, and the controller while we lead.

use std::sync::Arc;
use std::time::Duration;

use imagejob_operator::{Clock, Sensor};
use kube::Client;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::caches::Caches;
use crate::cluster::Shared;
use crate::controller::Controller;
use crate::election::{Election, Leadership};
use crate::events::{self, Teller};
use crate::meters::Meters;
use crate::policies;
use crate::records::Records;
use crate::render::Defaults;
use crate::signing_key::{KeyError, SigningKey};
use crate::trouble::Trouble;
use crate::watches::{self, Scope};

/// Pause before the signing key is asked for again.
const AGAIN: Duration = Duration::from_secs(1);

/// What the administrator chose.
#[derive(Debug, Clone)]
pub struct Options {
    /// Namespaces whose jobs are reconciled.
    pub scope: Scope,
    /// How plans are rendered.
    pub defaults: Defaults,
    /// The operator's own namespace.
    pub namespace: String,
    /// A name that no other process ever has.
    pub identity: String,
    /// Whether others like us may run: then one of us leads.
    pub elect: bool,
}

/// An operator that can be looked into while it runs.
#[derive(Debug)]
pub struct Operator<K> {
    options: Options,
    clock: K,
    /// What it knows.
    pub caches: Arc<Caches>,
    /// What it counts.
    pub meters: Arc<Meters>,
    /// What it decided.
    pub records: Arc<Records>,
}

impl<K: Clock + Clone + 'static> Operator<K> {
    /// An operator that does nothing yet.
    pub fn new(options: Options, clock: K) -> Self {
        let caches = Arc::new(watches::caches(&options.scope));
        Self { options, clock, caches, meters: Arc::default(), records: Arc::default() }
    }

    /// Watches, and reconciles while it leads, until `stop`. What runs is left running.
    ///
    /// # Errors
    /// There is a signing key, but it cannot be used.
    pub async fn run<S: Sensor + 'static>(
        self,
        client: Client,
        sensor: impl Fn() -> S + Clone,
        stop: CancellationToken,
    ) -> Result<(), KeyError> {
        let (caches, scope) = (self.caches.clone(), self.options.scope.clone());
        let watching = watches::watch(client.clone(), &scope, &caches);
        tokio::select! {
            () = watching => Ok(()),
            ended = self.take_part(client, sensor, stop) => ended,
        }
    }

    async fn take_part<S: Sensor + 'static>(
        self,
        client: Client,
        sensor: impl Fn() -> S + Clone,
        stop: CancellationToken,
    ) -> Result<(), KeyError> {
        // The lease is let go only after the last write.
        let reconciled = CancellationToken::new();
        let _release = reconciled.clone().drop_guard();
        let (leadership, campaign) = if self.options.elect {
            let Options { namespace, identity, .. } = &self.options;
            let (election, leadership) = Election::new(client.clone(), namespace, identity.clone(), self.clock.clone());
            (leadership, Some(tokio::spawn(election.campaign(reconciled.clone()))))
        } else {
            (Leadership::undisputed(), None)
        };
        let ended = self.reign(client, leadership, sensor, stop).await;
        reconciled.cancel();
        if let Some(campaign) = campaign
            && let Err(error) = campaign.await
        {
            tracing::error!(%error, "the election ended badly");
        }
        ended
    }

    /// Reconciles whenever we lead.
    async fn reign<S: Sensor + 'static>(
        self,
        client: Client,
        mut leadership: Leadership,
        sensor: impl Fn() -> S + Clone,
        stop: CancellationToken,
    ) -> Result<(), KeyError> {
        let Self { options, clock, caches, meters, records } = self;
        let (teller, tellings) = Teller::new();
        let telling = tokio::spawn(events::write(client.clone(), options.identity.clone(), clock.clone(), tellings));
        let shared = Shared::new(client.clone(), caches.clone(), options.defaults, meters.clone(), records, clock);
        let shared = Arc::new(shared);
        loop {
            let ready = async {
                caches.completed().await;
                let key = key(&client, &options.namespace).await?;
                leadership.gained().await;
                Ok(key)
            };
            let key = tokio::select! {
                key = ready => key?,
                () = stop.cancelled() => break,
            };
            tracing::info!(identity = options.identity, "leading");
            meters.leads(true);
            let over = async {
                tokio::select! {
                    () = leadership.lost() => {}
                    () = stop.cancelled() => {}
                }
            };
            let telling = async {
                match options.scope {
                    Scope::Cluster => policies::tell(&shared).await,
                    Scope::Namespaces(_) => std::future::pending().await,
                }
            };
            tokio::select! {
                () = Controller::new(shared.clone(), key, teller.clone(), sensor.clone()).run(over) => {}
                () = telling => {}
            }
            meters.leads(false);
            tracing::info!(identity = options.identity, "leading no more");
            if stop.is_cancelled() {
                break;
            }
        }
        telling.abort();
        Ok(())
    }
}

/// The signing key, asked for until the API server answers.
async fn key(client: &Client, namespace: &str) -> Result<SigningKey, KeyError> {
    let mut trouble = Trouble::default();
    loop {
        match SigningKey::obtain(client.clone(), namespace).await {
            Err(error @ KeyError::Api { .. }) if trouble.is_news(&error.to_string()) => {
                tracing::warn!(%error, "no signing key yet");
            }
            Err(KeyError::Api { .. }) => {}
            obtained => return obtained,
        }
        sleep(AGAIN).await;
    }
}
