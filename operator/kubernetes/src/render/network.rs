//! Who may dial whom: workers of the job and the operator dial dispatchers, nobody dials workers.
//! Only what comes in is restricted; brokers and stores have no labels by which to name them.

use imagejob_operator::Role;
use k8s_openapi::api::networking::v1::{
    NetworkPolicy, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{Job, OperatorPods, labels};

/// One policy a role, or none where the administrator did not ask for them.
pub(super) fn policies(job: &Job<'_>) -> Vec<NetworkPolicy> {
    let Some(operator) = &job.defaults.network_policy else { return Vec::new() };
    let leases = incoming("grpc", Some(vec![workers(job), pods_of(operator)]));
    // Probes and metrics hold no secret, and who collects them is not known here.
    let http = incoming("http", None);
    vec![policy(job, Role::Dispatcher, vec![leases, http.clone()]), policy(job, Role::Worker, vec![http])]
}

fn policy(job: &Job<'_>, role: Role, ingress: Vec<NetworkPolicyIngressRule>) -> NetworkPolicy {
    NetworkPolicy {
        metadata: job.metadata(job.object_name(role), Some(role)),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(labels::label_selector(job.name(), role)),
            policy_types: Some(vec!["Ingress".to_owned()]),
            ingress: Some(ingress),
            egress: None,
        }),
    }
}

fn incoming(port: &str, from: Option<Vec<NetworkPolicyPeer>>) -> NetworkPolicyIngressRule {
    let port = NetworkPolicyPort { port: Some(IntOrString::String(port.to_owned())), ..NetworkPolicyPort::default() };
    NetworkPolicyIngressRule { from, ports: Some(vec![port]) }
}

fn workers(job: &Job<'_>) -> NetworkPolicyPeer {
    NetworkPolicyPeer {
        pod_selector: Some(labels::label_selector(job.name(), Role::Worker)),
        ..NetworkPolicyPeer::default()
    }
}

fn pods_of(operator: &OperatorPods) -> NetworkPolicyPeer {
    let matching = |labels| Some(LabelSelector { match_labels: Some(labels), match_expressions: None });
    // Kubernetes itself labels each namespace with its name.
    let namespace = [("kubernetes.io/metadata.name".to_owned(), operator.namespace.clone())].into();
    NetworkPolicyPeer {
        namespace_selector: matching(namespace),
        pod_selector: matching(operator.labels.clone()),
        ip_block: None,
    }
}
