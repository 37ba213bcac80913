//! The workers: as many as were decided, and given time to end what they have begun.

use imagejob_operator::Role;
use imagejob_protocol::settings::Action;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
use k8s_openapi::api::core::v1::{EmptyDirVolumeSource, PodSpec, Probe, ResourceRequirements, Volume, VolumeMount};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::dispatcher::rolling;
use super::template::Refused;
use super::{GRPC_PORT, Job, count, labels, pod, template};

const ROLE: Role = Role::Worker;

/// Scratch space for steps and large objects; the rest of the file system is read-only.
const SCRATCH: &str = "tmp";
/// What steps may put there, MiB.
const STEPS_SCRATCH_MIB: u64 = 1_024;

/// Seconds for loading steps, models and handlers included, before a worker is started again.
const START_LIMIT_SECONDS: i32 = 300;

/// What the scheduler sets aside. A photo of 0.36 MP takes 2.4 ms of a core, so one core does 400 a
/// second; eight slots that each fetch for 20 ms and compute for 3 keep one core busy. 10 MiB at
/// rest; eight photos of 12 MP in decoding hold some 20 MiB each.
const REQUESTS: [(&str, &str); 2] = [("cpu", "1"), ("memory", "256Mi")];

/// What the decoder may hold for one photo before it refuses it, MiB.
const DECODER_MIB: u64 = 512;
/// What a step keeps ready of a set of 1,000 references, MiB.
const SET_MIB: u64 = 256;
/// Beyond this a limit protects nothing and only exhausts quotas, MiB.
const LARGEST_LIMIT_MIB: u64 = 4_096;

pub(super) fn deployment(job: &Job<'_>) -> Result<Deployment, Refused> {
    let replicas = job.plan.workers;
    // The short name is the resolver's first guess in the job's own namespace: one question to DNS.
    let dispatchers = format!("{}:{GRPC_PORT}", job.names.dispatcher);
    let mut container = pod::container(job, ROLE, "work", &["--dispatchers".into(), dispatchers]);
    // Asked each second until it is ready, and then never again: a worker is in no Service, its
    // leases tell whether it lives, and a probe that a busy worker misses would kill eight photos.
    container.startup_probe = Some(Probe { failure_threshold: Some(START_LIMIT_SECONDS), ..pod::probe("/readyz", 1) });
    container.resources = Some(ResourceRequirements {
        requests: Some(pod::quantities(REQUESTS.map(|(name, amount)| (name, amount.to_owned())))),
        limits: Some(pod::quantities([("memory", format!("{}Mi", memory_limit_mib(job)))])),
        ..ResourceRequirements::default()
    });
    container.volume_mounts.get_or_insert_default().push(VolumeMount {
        name: SCRATCH.to_owned(),
        mount_path: "/tmp".to_owned(),
        ..VolumeMount::default()
    });
    let mut volumes = pod::volumes(job, ROLE);
    volumes.push(scratch(job));
    let grace = job.plan.worker_settings.grace();
    let grace_seconds = i64::try_from(grace.as_secs()).unwrap_or(i64::MAX);
    let pod = PodSpec {
        containers: vec![container],
        volumes: Some(volumes),
        termination_grace_period_seconds: Some(grace_seconds),
        ..PodSpec::default()
    };
    let mut ours = pod::template(job, ROLE, pod);
    let annotations = ours.metadata.get_or_insert_default().annotations.get_or_insert_default();
    annotations.insert(labels::LOCAL_VOLUMES.to_owned(), SCRATCH.to_owned());
    let mut metadata = job.deployment_metadata(ROLE, replicas);
    metadata.annotations.get_or_insert_default().insert(labels::PLAN.to_owned(), job.plan.hash().to_string());
    Ok(Deployment {
        metadata,
        spec: Some(DeploymentSpec {
            // Always there, also when it is zero: whoever else writes it is overruled.
            replicas: Some(count(replicas)),
            revision_history_limit: Some(2),
            selector: labels::label_selector(job.name(), ROLE),
            // An image that does not start must cost no capacity: nobody leaves before the
            // newcomer is ready. Where a quota leaves no room for a quarter more, the status says so.
            strategy: Some(rolling(IntOrString::String("25%".to_owned()))),
            template: template::merge(ours, job.plan.worker_template.as_ref(), ROLE, grace_seconds)?,
            ..DeploymentSpec::default()
        }),
        status: None,
    })
}

/// One photo at the decoder's limit while as many bytes of objects are held as a worker admits: 512 + 256 MiB
/// by default, and 256 for each step that searches a set. A photo that needs more kills its worker, and in the end
/// only itself.
fn memory_limit_mib(job: &Job<'_>) -> u64 {
    let steps = &job.plan.worker_settings.steps;
    let sets = steps.iter().filter(|step| matches!(step.action, Action::PosterSearch { .. })).count() as u64;
    objects_mib(job).saturating_add(DECODER_MIB + sets * SET_MIB).min(LARGEST_LIMIT_MIB)
}

fn objects_mib(job: &Job<'_>) -> u64 {
    job.plan.worker_settings.storage.max_bytes_held().div_ceil(1 << 20)
}

/// A pod that takes more is evicted: 1,024 + 256 MiB by default, as all objects that are held may be large ones.
fn scratch(job: &Job<'_>) -> Volume {
    let limit = format!("{}Mi", objects_mib(job).saturating_add(STEPS_SCRATCH_MIB));
    Volume {
        name: SCRATCH.to_owned(),
        empty_dir: Some(EmptyDirVolumeSource { size_limit: Some(Quantity(limit)), medium: None }),
        ..Volume::default()
    }
}

pub(super) fn budget(job: &Job<'_>) -> PodDisruptionBudget {
    job.budget(ROLE, IntOrString::String("25%".to_owned()))
}
