//! From a plan to the objects that make it true. Pure: the same plan, owner and defaults give the
//! same bytes.
//!
//! | file         | what                                                                        |
//! |--------------|-----------------------------------------------------------------------------|
//! | `names`      | what the objects are called                                                 |
//! | `labels`     | how they are found                                                          |
//! | `settings`   | what processes read when they start: `ConfigMap`, token Secret              |
//! | `pod`        | what the pods of both roles share: security, mounts, ports, probes          |
//! | `dispatcher` | Deployment, Service, disruption budget                                      |
//! | `worker`     | Deployment, disruption budget, time to end, memory                          |
//! | `network`    | who may dial whom, if the administrator wants that enforced                 |
//! | `template`   | the job's own changes to its pods, and what they must leave alone           |

mod dispatcher;
pub mod labels;
mod names;
mod network;
mod pod;
mod settings;
mod template;
mod worker;

use std::collections::BTreeMap;

use imagejob_api::NamespacedName;
use imagejob_operator::{Plan, Role};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

pub use names::Names;
pub use template::{Refusal, Refused};

/// Where dispatchers serve workers and the operator.
pub const GRPC_PORT: i32 = 7400;
/// Where both roles serve probes and metrics.
pub const HTTP_PORT: i32 = 8080;

/// The job that owns the objects: they go when it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Name and namespace.
    pub job: NamespacedName,
    /// A job that is made anew under the same name is another owner.
    pub uid: String,
}

/// What the administrator chose for the pods of all jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defaults {
    /// Image of both roles; a job's templates may name others.
    pub worker_image: String,
    /// `Always`, `IfNotPresent` or `Never`; what the image's tag implies if omitted.
    pub image_pull_policy: Option<String>,
    /// User and group of the processes. None where the platform picks them, as OpenShift does.
    pub run_as: Option<i64>,
    /// Render network policies that let this operator in; none if omitted.
    pub network_policy: Option<OperatorPods>,
}

/// Where the operator's own pods are, for the rule that lets them dial dispatchers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorPods {
    /// Their namespace.
    pub namespace: String,
    /// Labels that they have.
    pub labels: BTreeMap<String, String>,
}

impl Defaults {
    /// The usual user of images without a shell: not root, and known to have no rights on any node.
    pub const NON_ROOT: i64 = 65_532;

    /// Changes when the same plan would be rendered differently: by other defaults, or by another
    /// version of this program.
    pub fn rendering(&self) -> String {
        settings::digest([env!("CARGO_PKG_VERSION"), &format!("{self:?}")])
    }
}

/// All objects of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct Objects {
    /// An account without any right, whose token no pod gets.
    pub service_account: ServiceAccount,
    /// What both roles read when they start.
    pub settings: ConfigMap,
    /// By what they recognise each other.
    pub token: Secret,
    /// Leads workers to dispatchers.
    pub service: Service,
    /// How many dispatchers a node drain may take at once.
    pub dispatcher_budget: PodDisruptionBudget,
    /// The same of workers.
    pub worker_budget: PodDisruptionBudget,
    /// One a role, or none at all.
    pub network_policies: Vec<NetworkPolicy>,
    /// The dispatchers.
    pub dispatcher: Deployment,
    /// The workers. To be applied last: it says which plan all of them stand for.
    pub worker: Deployment,
}

/// The objects for a plan.
///
/// # Errors
/// The job's templates touch something that delivery depends on.
pub fn render(plan: &Plan, owner: &Owner, defaults: &Defaults) -> Result<Objects, Refused> {
    let job = Job { plan, owner, defaults, names: Names::of(&owner.job.name) };
    let (dispatcher, worker) = match (dispatcher::deployment(&job), worker::deployment(&job)) {
        (Ok(dispatcher), Ok(worker)) => (dispatcher, worker),
        (dispatcher, worker) => return Err(Refused::all([dispatcher.err(), worker.err()])),
    };
    Ok(Objects {
        service_account: pod::service_account(&job),
        settings: settings::config_map(&job),
        token: settings::token(&job),
        service: dispatcher::service(&job),
        dispatcher_budget: dispatcher::budget(&job),
        worker_budget: worker::budget(&job),
        network_policies: network::policies(&job),
        dispatcher,
        worker,
    })
}

/// Metadata of an object of a job, of one role or of both.
pub fn metadata(owner: &Owner, name: &str, role: Option<Role>) -> ObjectMeta {
    let Owner { job, uid } = owner;
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(job.namespace.clone()),
        labels: Some(labels::labels(&job.name, role)),
        owner_references: Some(vec![OwnerReference {
            api_version: imagejob_api::API_VERSION.to_owned(),
            kind: "ImageJob".to_owned(),
            name: job.name.clone(),
            uid: uid.clone(),
            controller: Some(true),
            block_owner_deletion: Some(true),
        }]),
        ..ObjectMeta::default()
    }
}

/// What every file here reads.
struct Job<'a> {
    plan: &'a Plan,
    owner: &'a Owner,
    defaults: &'a Defaults,
    names: Names,
}

impl Job<'_> {
    fn name(&self) -> &str {
        &self.owner.job.name
    }

    const fn object_name(&self, role: Role) -> &String {
        match role {
            Role::Dispatcher => &self.names.dispatcher,
            Role::Worker => &self.names.worker,
        }
    }

    fn metadata(&self, name: &str, role: Option<Role>) -> ObjectMeta {
        metadata(self.owner, name, role)
    }

    /// Metadata of a Deployment with this many replicas.
    fn deployment_metadata(&self, role: Role, replicas: u32) -> ObjectMeta {
        let annotations = [(labels::RENDERING, self.defaults.rendering()), (labels::REPLICAS, replicas.to_string())];
        ObjectMeta {
            annotations: Some(annotations.map(|(key, value)| (key.to_owned(), value)).into()),
            ..self.metadata(self.object_name(role), Some(role))
        }
    }

    /// A budget for evictions. A pod that is not ready works for nobody, and must not keep a node
    /// from being drained.
    fn budget(&self, role: Role, max_unavailable: IntOrString) -> PodDisruptionBudget {
        PodDisruptionBudget {
            metadata: self.metadata(self.object_name(role), Some(role)),
            spec: Some(PodDisruptionBudgetSpec {
                max_unavailable: Some(max_unavailable),
                selector: Some(labels::label_selector(self.name(), role)),
                unhealthy_pod_eviction_policy: Some("AlwaysAllow".to_owned()),
                ..PodDisruptionBudgetSpec::default()
            }),
            status: None,
        }
    }
}

/// Kubernetes counts in signed numbers; a validated count is far below their limit.
fn count(replicas: u32) -> i32 {
    i32::try_from(replicas).unwrap_or(i32::MAX)
}
