//! `imagejob-operator`: reconciles ImageJobs on a Kubernetes cluster.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use axum::http::HeaderValue;
use axum::http::header::USER_AGENT;
use clap::{Args, Parser, Subcommand};
use imagejob_kubernetes::http::{self, Windows};
use imagejob_kubernetes::operator::{Operator, Options};
use imagejob_kubernetes::render::{Defaults, OperatorPods};
use imagejob_kubernetes::watches::Scope;
use imagejob_operator::{GrpcSensor, SystemClock};
use kube::Client;
use rand::{RngCore as _, SeedableRng as _};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// After SIGTERM everything is over within this.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// Reconciles ImageJobs on Kubernetes: as many dispatchers and workers as the photos that wait, and
/// the peaks that you know in advance, need.
#[derive(Parser)]
#[command(version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Reconciles until stopped; several may run, one of them leads
    Run(Box<Run>),
    /// Prints the custom resource definitions: imagejob-operator crd | kubectl apply --server-side -f -
    Crd,
}

#[derive(Args)]
struct Run {
    /// Image of dispatchers and workers
    #[arg(long, env = "WORKER_IMAGE", value_name = "IMAGE")]
    worker_image: String,
    /// When nodes pull that image: Always, IfNotPresent or Never [default: what the image's tag implies]
    #[arg(long, env = "IMAGE_PULL_POLICY", value_name = "POLICY")]
    image_pull_policy: Option<String>,
    /// User and group of dispatchers and workers; "none" where the platform picks them, as OpenShift does
    #[arg(long = "run-as", env = "RUN_AS", value_name = "UID", default_value_t = Defaults::NON_ROOT.to_string())]
    user: String,
    /// Render network policies: only workers and this operator may dial dispatchers
    #[arg(long, env = "NETWORK_POLICIES")]
    network_policies: bool,
    /// Watch jobs in this namespace only; repeat it for more [default: all namespaces]
    #[arg(long = "namespace", env = "WATCH_NAMESPACE", value_name = "NAMESPACE", value_delimiter = ',')]
    namespaces: Vec<String>,
    /// The operator's own namespace, for its Lease and its signing key [default: the pod's, else the kubeconfig's]
    #[arg(long, env = "POD_NAMESPACE", value_name = "NAMESPACE")]
    own_namespace: Option<String>,
    /// Name of this process in Lease and Events; a random part is added
    #[arg(long, env = "POD_NAME", value_name = "NAME", default_value = "imagejob-operator")]
    name: String,
    /// Take part in an election; only one of several operators acts
    #[arg(long, env = "LEADER_ELECT", value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    leader_elect: bool,
    /// Serve /healthz, /readyz, /metrics and /decisions/<namespace>/<job> here
    #[arg(long, env = "HTTP", value_name = "HOST:PORT", default_value = "0.0.0.0:8080")]
    http: SocketAddr,
    /// What is logged: a level, or targets with levels
    #[arg(long, env = "LOG", value_name = "FILTER", default_value = "info,kube_client=off")]
    log: String,
}

fn main() -> ExitCode {
    let ended = match Cli::parse().command {
        Command::Run(args) => start(&args),
        Command::Crd => print_crds(),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn print_crds() -> anyhow::Result<()> {
    for crd in imagejob_api::crds() {
        let yaml = serde_saphyr::to_string(&crd)?;
        // Not println!, which panics when a pager is closed.
        writeln!(std::io::stdout(), "---\n{}", yaml.trim_end()).context("cannot write the definitions")?;
    }
    Ok(())
}

#[tokio::main]
async fn start(args: &Run) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&args.log).with_context(|| format!("--log {:?} is no filter", args.log))?;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
    let mut config = kube::Config::infer().await.context("no kubeconfig and no service account leads to a cluster")?;
    // Reconcile repeats what failed, with what is true by then.
    config.default_retry = false;
    // Audit logs tell by it who wrote.
    config
        .headers
        .push((USER_AGENT, HeaderValue::from_static(concat!("imagejob-operator/", env!("CARGO_PKG_VERSION")))));
    let namespace = args.own_namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
    let client = Client::try_from(config).context("no client can be made from the configuration")?;
    let operator = Operator::new(args.options(namespace)?, SystemClock);

    let stop = stop_requested()?;
    let listener = TcpListener::bind(args.http).await.with_context(|| format!("cannot listen on {}", args.http))?;
    let Operator { caches, meters, records, .. } = &operator;
    let windows = Windows { caches: caches.clone(), meters: meters.clone(), records: records.clone() };
    let served = CancellationToken::new();
    let serving = axum::serve(listener, http::router(windows)).with_graceful_shutdown(served.clone().cancelled_owned());
    let serving = tokio::spawn(serving.into_future());

    let running = operator.run(client, || GrpcSensor::new(SystemClock), stop.clone());
    let ended = tokio::select! {
        ended = running => ended.context("cannot go on"),
        () = overdue(&stop) => {
            tracing::warn!("not everything ended in time");
            Ok(())
        }
    };
    served.cancel();
    serving.abort();
    ended
}

impl Run {
    fn options(&self, namespace: String) -> anyhow::Result<Options> {
        let run_as = match self.user.as_str() {
            "none" => None,
            uid => Some(uid.parse().with_context(|| format!("--run-as {uid:?} is neither a user's number nor none"))?),
        };
        let own_labels = [("app.kubernetes.io/name", "imagejob-operator")];
        let own_pods = OperatorPods {
            namespace: namespace.clone(),
            labels: own_labels
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into_iter()
                .collect::<BTreeMap<_, _>>(),
        };
        let random = rand::rngs::StdRng::from_os_rng().next_u32();
        Ok(Options {
            scope: Scope::of(self.namespaces.iter().cloned()),
            defaults: Defaults {
                worker_image: self.worker_image.clone(),
                image_pull_policy: self.image_pull_policy.clone(),
                run_as,
                network_policy: self.network_policies.then_some(own_pods),
            },
            namespace,
            identity: format!("{}_{random:08x}", self.name),
            elect: self.leader_elect,
        })
    }
}

/// A token that is cancelled on SIGTERM and SIGINT.
fn stop_requested() -> anyhow::Result<CancellationToken> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
            _ = interrupt.recv() => tracing::info!("SIGINT: stopping"),
        }
        token.cancel();
    });
    Ok(stop)
}

async fn overdue(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(STOP_LIMIT).await;
}
