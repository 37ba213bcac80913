//! What jobs at rest cost the operator: resident memory and CPU time, with one report a second from
//! each job's dispatcher. `cargo bench -p imagejob-kubernetes --bench rest -- 3000`
//!
//! The API server is an echo, so that only the operator's own memory is counted; connections to
//! dispatchers are not part of it.

use std::convert::Infallible;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use imagejob_api::{ImageJob, NamespacedName};
use imagejob_kubernetes::caches::Caches;
use imagejob_kubernetes::cluster::Shared;
use imagejob_kubernetes::controller::Controller;
use imagejob_kubernetes::events::Teller;
use imagejob_kubernetes::facts::PodFacts;
use imagejob_kubernetes::meters::Meters;
use imagejob_kubernetes::render::Defaults;
use imagejob_kubernetes::signing_key::SigningKey;
use imagejob_operator::track::Track;
use imagejob_operator::{Clock as _, Reading, Role, Sensor, SystemClock, Targets};
use imagejob_protocol::wire::{PartitionReport, Report, TopicReport};
use kube::Client;
use kube::client::Body;
use serde_json::json;
use tokio::sync::watch;

/// How long is measured.
const MEASURED: Duration = Duration::from_secs(20);

/// One report a second from each dispatcher that is listened to.
struct Ears {
    targets: Mutex<Vec<String>>,
    seconds: Mutex<watch::Receiver<u64>>,
}

impl Sensor for Ears {
    fn listen(&self, targets: &Targets) {
        if let Ok(mut known) = self.targets.lock() {
            known.clone_from(&targets.addresses);
        }
    }

    fn readings(&self) -> Vec<Reading> {
        let targets = self.targets.lock().map(|targets| targets.clone()).unwrap_or_default();
        let report = |address: &String| Report {
            dispatcher_id: address.clone(),
            topics: vec![TopicReport { topic: "photos".to_owned(), partitions: 1 }],
            partitions: vec![PartitionReport { topic: "photos".to_owned(), ..PartitionReport::default() }],
            ..Report::default()
        };
        let read = |address: &String| {
            let mut track = Track::default();
            track.absorb(SystemClock.now(), report(address));
            track.reading()
        };
        targets.iter().filter_map(read).collect()
    }

    fn changed(&self) -> impl Future<Output = ()> + Send {
        let seconds = self.seconds.lock().map(|seconds| seconds.clone()).ok();
        async move {
            if let Some(mut seconds) = seconds {
                seconds.mark_unchanged();
                drop(seconds.changed().await);
            }
        }
    }
}

async fn echo(request: Request<Body>) -> Result<Response<Full<Bytes>>, Infallible> {
    let method = request.method().clone();
    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let nothing = Bytes::from_static(b"{\"kind\":\"Status\",\"status\":\"Success\"}");
    Ok(Response::new(Full::new(if method == Method::DELETE { nothing } else { body })))
}

fn job(number: usize) -> anyhow::Result<(NamespacedName, ImageJob)> {
    let name = format!("job-{number:04}");
    let metadata = json!({
        "name": name, "namespace": "media", "uid": format!("uid-{number}"), "generation": 1,
        "creationTimestamp": "2026-11-20T00:00:00Z",
    });
    let profile = json!({
        "name": "weekend", "days": ["Sat"], "from": "06:00", "to": "08:00", "timeZone": "Asia/Shanghai", "floor": 0,
    });
    let spec = json!({
        "source": {"kafka": {"bootstrapServers": "kafka:9092", "topics": ["photos"]}},
        "storage": {"type": "FileSystem", "path": "/data", "buckets": ["photos"]},
        "steps": [{"name": "quality", "quality": {}}],
        "results": {"topic": "results"},
        "scaling": {"waitSeconds": 10, "maxReplicas": 40, "profiles": [profile]},
    });
    let kind = json!({"apiVersion": "imagejob.dev/v1alpha1", "kind": "ImageJob", "metadata": metadata, "spec": spec});
    Ok((NamespacedName { namespace: "media".to_owned(), name }, serde_json::from_value(kind)?))
}

fn dispatcher(job: &NamespacedName, number: usize) -> PodFacts {
    let began = SystemClock.now();
    PodFacts {
        job: job.clone(),
        role: Role::Dispatcher,
        name: format!("{}-dispatcher-0", job.name),
        uid: format!("pod-{number}"),
        created: began,
        ready: Some(began),
        first_ready: Some(began),
        address: Some(format!("10.{}.{}.1:7400", number / 250, number % 250)),
        leaving: false,
        fault: None,
    }
}

/// Resident memory, MiB.
fn resident() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).and_then(|kib| kib.parse::<u64>().ok());
    Ok(kib.unwrap_or(0) / 1_024)
}

/// CPU time of this process so far, in ticks of 10 ms.
fn ticks() -> anyhow::Result<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    Ok(after_name.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let jobs = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(3_000);
    let caches = Arc::new(Caches::waiting_for([]));
    let before = resident()?;
    for number in 0..jobs {
        let (name, job) = job(number)?;
        caches.put_job(&name, Some(Ok(Arc::new(job))));
        caches.put_pod(dispatcher(&name, number));
    }
    let client = Client::new(tower::service_fn(echo), "imagejob-system");
    let defaults = Defaults {
        worker_image: "imagejob-worker:bench".to_owned(),
        image_pull_policy: None,
        run_as: Some(Defaults::NON_ROOT),
        network_policy: None,
    };
    let meters = Arc::new(Meters::default());
    let shared = Arc::new(Shared::new(client, caches, defaults, meters.clone(), Arc::default(), SystemClock));
    let (teller, tellings) = Teller::new();
    drop(tellings);
    let (second, seconds) = watch::channel(0u64);
    let ears = move || Ears { targets: Mutex::default(), seconds: Mutex::new(seconds.clone()) };
    let controller = Controller::new(shared, SigningKey::new([7; 32]), teller, ears);
    let reporting = async {
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        loop {
            tick.tick().await;
            second.send_modify(|second| *second += 1);
        }
    };
    let measuring = async {
        // Everything is applied, and numbers that were due are written.
        let writes = || -> anyhow::Result<Vec<String>> {
            let text = meters.exposition()?;
            Ok(text
                .lines()
                .filter(|line| line.starts_with("imagejob_operator_api_writes_total"))
                .map(str::to_owned)
                .collect())
        };
        let mut before_pause = Vec::new();
        while before_pause.is_empty() || before_pause != writes()? {
            before_pause = writes()?;
            tokio::time::sleep(Duration::from_secs(70)).await;
        }
        let (text, began) = (meters.exposition()?, ticks()?);
        tokio::time::sleep(MEASURED).await;
        let cpu = (ticks()? - began) as f64 / 100.0 / MEASURED.as_secs_f64();
        let rounds = |text: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix("imagejob_operator_reconcile_seconds_count "));
            line.and_then(|count| count.parse::<u64>().ok()).unwrap_or(0)
        };
        let per_second = (rounds(&meters.exposition()?) - rounds(&text)) as f64 / MEASURED.as_secs_f64();
        println!(
            "{jobs} jobs at rest: {} MiB more than {before} MiB before, {cpu:.2} cores, {per_second:.0} rounds/s",
            resident()? - before
        );
        println!("{:.0} us of CPU per round", cpu / per_second * 1e6);
        anyhow::Ok(())
    };
    tokio::select! {
        () = controller.run(std::future::pending()) => Ok(()),
        () = reporting => Ok(()),
        measured = measuring => measured,
    }
}
