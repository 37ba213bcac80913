//! A handler's process: started, made ready, watched, and started again when it ends or is not well any more.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use imagejob_protocol::settings;
use reqwest::Method;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tracing::{info, warn};

use super::endpoint::Endpoint;

/// How long a handler may take from its start until it may be called.
const START_LIMIT: Duration = Duration::from_mins(1);
/// Pause before a handler that ended is started again.
const RESTART_PAUSE: Duration = Duration::from_millis(500);
/// How often a handler is asked whether it is well, and how long it may take to say so.
const HEALTH_INTERVAL: Duration = Duration::from_secs(10);
/// A handler that was not well so many times in a row is started again.
const HEALTH_FAILURES: u32 = 3;

/// Makes whatever listens at the endpoint ready: it listens, is well, and was initialised.
pub(super) async fn make_ready(endpoint: &Endpoint, settings: &settings::Handler) -> anyhow::Result<()> {
    let begin = async {
        endpoint.ready(settings.health_path.as_deref()).await;
        if settings.initialize {
            let answer = endpoint.request(Method::POST, "/initialize").send().await;
            let status = answer.context("the handler broke POST /initialize off")?.status();
            ensure!(status.is_success(), "the handler answered POST /initialize with {}", status.as_u16());
        }
        Ok(())
    };
    tokio::time::timeout(START_LIMIT, begin).await.unwrap_or_else(|_| {
        let (variable, _) = endpoint.variable();
        bail!(
            "no handler listens on {endpoint} (environment variable {variable}) and is ready after {} s",
            START_LIMIT.as_secs()
        )
    })
}

/// A program that listens.
pub(super) struct Program {
    command: Command,
    child: Child,
    endpoint: Endpoint,
    settings: settings::Handler,
}

impl Program {
    /// Starts `program` and waits until it may be called.
    pub(super) async fn start(
        program: &str,
        arguments: &[String],
        endpoint: &Endpoint,
        settings: &settings::Handler,
    ) -> anyhow::Result<Self> {
        let (variable, address) = endpoint.variable();
        let mut command = Command::new(program);
        command.args(arguments).env(variable, address).stdin(Stdio::null()).kill_on_drop(true);
        endpoint.clear()?;
        let child = command.spawn().with_context(|| format!("handler {program:?} does not start"))?;
        let mut program = Self { command, child, endpoint: endpoint.clone(), settings: settings.clone() };
        program.make_ready().await?;
        Ok(program)
    }

    async fn make_ready(&mut self) -> anyhow::Result<()> {
        tokio::select! {
            ended = self.child.wait() => bail!("the handler ended before it listened on {}: {}", self.endpoint, ended?),
            ready = make_ready(&self.endpoint, &self.settings) => ready,
        }
    }

    /// Starts the program again whenever it ends or is not well; `ready` tells when it may be called.
    pub(super) async fn keep(mut self, ready: watch::Sender<bool>) {
        loop {
            tokio::select! {
                ended = self.child.wait() => match ended {
                    Ok(status) => warn!(%status, "the handler ended: starting it again"),
                    Err(error) => warn!(%error, "the handler cannot be waited for: starting it again"),
                },
                () = unwell(&self.endpoint, self.settings.health_path.as_deref()) => {
                    warn!("the handler is not well any more: starting it again");
                }
            }
            ready.send_replace(false);
            while let Err(error) = self.start_again().await {
                warn!(error = format!("{error:#}"), "the handler is not ready");
            }
            ready.send_replace(true);
            info!(pid = self.child.id(), "handler started");
        }
    }

    async fn start_again(&mut self) -> anyhow::Result<()> {
        // One that ended already needs no end.
        self.child.kill().await.ok();
        tokio::time::sleep(RESTART_PAUSE).await;
        self.endpoint.clear()?;
        self.child = self.command.spawn().context("the handler does not start")?;
        self.make_ready().await
    }
}

/// Returns when the handler was not well several times in a row; never without a path that says so.
async fn unwell(endpoint: &Endpoint, health_path: Option<&str>) {
    let Some(path) = health_path else { return std::future::pending().await };
    let mut failures = 0;
    while failures < HEALTH_FAILURES {
        tokio::time::sleep(HEALTH_INTERVAL).await;
        let well = tokio::time::timeout(HEALTH_INTERVAL, endpoint.is_well(path)).await.unwrap_or(false);
        failures = if well { 0 } else { failures + 1 };
    }
}
