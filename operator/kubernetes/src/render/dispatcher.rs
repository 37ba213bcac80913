//! The dispatchers: few, small, spread over nodes, and replaced one at a time.

use imagejob_operator::Role;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::{
    PodSpec, Probe, ResourceRequirements, Service, ServicePort, ServiceSpec, TopologySpreadConstraint,
};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{GRPC_PORT, Job, count, labels, pod, template};
use crate::render::template::Refused;

const ROLE: Role = Role::Dispatcher;

/// Time to end: half a second for outcomes on their way, four for the last commit and leaving the
/// group, half a second for streams; three times that, for a node under load.
const GRACE_SECONDS: i64 = 15;

/// A dispatcher that serves nothing for a minute is started again. Not sooner: each start is a
/// rebalance.
const LIVENESS: (i32, i32) = (10, 6);

/// 11 MiB at rest, at most 16 MiB of records read ahead (beyond 64 partitions 256 KiB each), and a
/// ledger; 5 of a core's seconds lend a million records, so a twentieth of a core is plenty at rest.
const REQUESTS: [(&str, &str); 2] = [("cpu", "50m"), ("memory", "64Mi")];
/// A thousand partitions read ahead take 250 MiB. No limit on processor time: leases wait for it.
const MEMORY_LIMIT: &str = "512Mi";

pub(super) fn deployment(job: &Job<'_>) -> Result<Deployment, Refused> {
    let replicas = job.plan.dispatchers;
    let mut container = pod::container(job, ROLE, "dispatch", &["--listen".into(), format!("0.0.0.0:{GRPC_PORT}")]);
    container.ports.get_or_insert_default().push(pod::port("grpc", GRPC_PORT));
    // Ready once it has been assigned its partitions, none perhaps; a rollout waits for that.
    container.readiness_probe = Some(pod::probe("/readyz", 2));
    let (period, failures) = LIVENESS;
    container.liveness_probe = Some(Probe { failure_threshold: Some(failures), ..pod::probe("/healthz", period) });
    container.resources = Some(ResourceRequirements {
        requests: Some(pod::quantities(REQUESTS.map(|(name, amount)| (name, amount.to_owned())))),
        limits: Some(pod::quantities([("memory", MEMORY_LIMIT.to_owned())])),
        ..ResourceRequirements::default()
    });
    let pod = PodSpec {
        containers: vec![container],
        volumes: Some(pod::volumes(job, ROLE)),
        termination_grace_period_seconds: Some(GRACE_SECONDS),
        topology_spread_constraints: Some(vec![spread(job)]),
        ..PodSpec::default()
    };
    let ours = pod::template(job, ROLE, pod);
    Ok(Deployment {
        metadata: job.deployment_metadata(ROLE, replicas),
        spec: Some(DeploymentSpec {
            replicas: Some(count(replicas)),
            revision_history_limit: Some(2),
            selector: labels::label_selector(job.name(), ROLE),
            // The newcomer joins before its predecessor leaves, so that somebody always holds the partitions.
            strategy: Some(rolling(IntOrString::Int(1))),
            template: template::merge(ours, job.plan.dispatcher_template.as_ref(), ROLE, GRACE_SECONDS)?,
            ..DeploymentSpec::default()
        }),
        status: None,
    })
}

/// Rolls without ever having fewer ready pods than wanted.
pub(super) fn rolling(max_surge: IntOrString) -> DeploymentStrategy {
    DeploymentStrategy {
        type_: Some("RollingUpdate".to_owned()),
        rolling_update: Some(RollingUpdateDeployment {
            max_surge: Some(max_surge),
            max_unavailable: Some(IntOrString::Int(0)),
        }),
    }
}

/// On as many nodes as there are, if it can be had: two that die together repeat seconds of work.
fn spread(job: &Job<'_>) -> TopologySpreadConstraint {
    TopologySpreadConstraint {
        max_skew: 1,
        topology_key: "kubernetes.io/hostname".to_owned(),
        when_unsatisfiable: "ScheduleAnyway".to_owned(),
        label_selector: Some(labels::label_selector(job.name(), ROLE)),
        // While they roll, the old ones do not count.
        match_label_keys: Some(vec!["pod-template-hash".to_owned()]),
        ..TopologySpreadConstraint::default()
    }
}

/// One address for all dispatchers; each connection reaches one of them, and workers dial until
/// they have met all.
pub(super) fn service(job: &Job<'_>) -> Service {
    Service {
        metadata: job.metadata(&job.names.dispatcher, Some(ROLE)),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".to_owned()),
            selector: Some(labels::selector(job.name(), ROLE)),
            ports: Some(vec![ServicePort {
                name: Some("grpc".to_owned()),
                port: GRPC_PORT,
                target_port: Some(IntOrString::String("grpc".to_owned())),
                protocol: Some("TCP".to_owned()),
                app_protocol: Some("kubernetes.io/h2c".to_owned()),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}

pub(super) fn budget(job: &Job<'_>) -> PodDisruptionBudget {
    job.budget(ROLE, IntOrString::Int(1))
}
