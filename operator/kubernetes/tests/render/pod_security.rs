//! The restricted Pod Security Standard as a table, and a little more than it asks.
//! <https://kubernetes.io/docs/concepts/security/pod-security-standards/>

use k8s_openapi::api::core::v1::{Capabilities, Container, HostPathVolumeSource, PodSpec, SecurityContext, Volume};

use super::{MINIMAL, SECRETS, defaults, planned, rendered, strict_defaults};

/// A rule, and whether a pod keeps it.
type Rule = (&'static str, fn(&PodSpec) -> bool);

const RULES: &[Rule] = &[
    ("no namespace of the host", |pod| ![pod.host_network, pod.host_pid, pod.host_ipc].contains(&Some(true))),
    ("no port of the host", |pod| {
        containers(pod).all(|c| c.ports.iter().flatten().all(|port| port.host_port.is_none()))
    }),
    ("nothing privileged", |pod| security(pod).all(|s| s.privileged != Some(true))),
    ("no escalation", |pod| security(pod).all(|s| s.allow_privilege_escalation == Some(false))),
    ("no capabilities", |pod| security(pod).all(|s| s.capabilities == Some(none_left()))),
    ("not root", |pod| {
        let context = pod.security_context.as_ref();
        context.and_then(|c| c.run_as_non_root) == Some(true)
            && context.and_then(|c| c.run_as_user) != Some(0)
            && security(pod).all(|s| s.run_as_non_root != Some(false) && s.run_as_user != Some(0))
    }),
    ("the runtime's seccomp profile", |pod| {
        let profile = pod.security_context.as_ref().and_then(|context| context.seccomp_profile.as_ref());
        profile.is_some_and(|profile| profile.type_ == "RuntimeDefault")
            && security(pod).all(|s| s.seccomp_profile.is_none())
    }),
    ("the default /proc", |pod| security(pod).all(|s| s.proc_mount.is_none())),
    ("no AppArmor, SELinux or Windows options", |pod| {
        security(pod)
            .all(|s| s.app_armor_profile.is_none() && s.se_linux_options.is_none() && s.windows_options.is_none())
    }),
    ("no sysctls", |pod| pod.security_context.as_ref().is_none_or(|context| context.sysctls.is_none())),
    ("only volumes that hold nothing of the node's", |pod| {
        let source = |v: &Volume| v.config_map.is_some() || v.secret.is_some() || v.empty_dir.is_some();
        pod.volumes.iter().flatten().all(source)
    }),
    // Beyond the standard.
    ("a read-only root file system", |pod| security(pod).all(|s| s.read_only_root_filesystem == Some(true))),
    ("requests, and a limit of memory", |pod| {
        containers(pod).all(|container| {
            let resources = container.resources.clone().unwrap_or_default();
            let (requests, limits) = (resources.requests.unwrap_or_default(), resources.limits.unwrap_or_default());
            requests.contains_key("cpu") && requests.contains_key("memory") && limits.contains_key("memory")
        })
    }),
];

fn containers(pod: &PodSpec) -> impl Iterator<Item = &Container> {
    pod.containers.iter().chain(pod.init_containers.iter().flatten())
}

/// The security context of each container; one that has none breaks rules that want something said.
fn security(pod: &PodSpec) -> impl Iterator<Item = SecurityContext> {
    containers(pod).map(|container| container.security_context.clone().unwrap_or_default())
}

fn none_left() -> Capabilities {
    Capabilities { add: None, drop: Some(vec!["ALL".to_owned()]) }
}

/// The rules that a pod breaks.
pub(crate) fn broken(pod: &PodSpec) -> Vec<&'static str> {
    RULES.iter().filter(|(_, keeps)| !keeps(pod)).map(|(rule, _)| *rule).collect()
}

fn pods() -> Vec<PodSpec> {
    let objects = vec![
        rendered(&planned(MINIMAL, 1), &defaults()),
        rendered(&planned(SECRETS, 1), &defaults()),
        rendered(&planned(SECRETS, 1), &strict_defaults()),
    ];
    let deployments = objects.into_iter().flat_map(|objects| [objects.dispatcher, objects.worker]);
    deployments.map(|deployment| deployment.spec.unwrap().template.spec.unwrap()).collect()
}

#[test]
fn every_pod_satisfies_the_restricted_standard() {
    for pod in pods() {
        assert_eq!(broken(&pod), Vec::<&str>::new(), "{pod:#?}");
        assert_eq!(pod.automount_service_account_token, Some(false));
    }
}

#[test]
fn each_rule_finds_what_it_forbids() {
    let good = pods().remove(0);
    let of_container = |change: fn(&mut SecurityContext)| {
        let mut pod = good.clone();
        change(pod.containers[0].security_context.as_mut().unwrap());
        pod
    };
    let of_pod = |change: fn(&mut PodSpec)| {
        let mut pod = good.clone();
        change(&mut pod);
        pod
    };
    let table = vec![
        of_pod(|pod| pod.host_network = Some(true)),
        of_pod(|pod| pod.containers[0].ports.as_mut().unwrap()[0].host_port = Some(80)),
        of_container(|context| context.privileged = Some(true)),
        of_container(|context| context.allow_privilege_escalation = None),
        of_container(|context| context.capabilities = None),
        of_container(|context| context.run_as_user = Some(0)),
        of_pod(|pod| pod.security_context.as_mut().unwrap().seccomp_profile = None),
        of_container(|context| context.proc_mount = Some("Unmasked".to_owned())),
        of_container(|context| context.se_linux_options = Some(k8s_openapi::api::core::v1::SELinuxOptions::default())),
        of_pod(|pod| pod.security_context.as_mut().unwrap().sysctls = Some(Vec::new())),
        of_pod(|pod| {
            pod.volumes
                .as_mut()
                .unwrap()
                .push(Volume { host_path: Some(HostPathVolumeSource::default()), ..Volume::default() });
        }),
        of_container(|context| context.read_only_root_filesystem = None),
        of_pod(|pod| pod.containers[0].resources = None),
    ];
    assert_eq!(table.len(), RULES.len());
    for (pod, (rule, _)) in table.iter().zip(RULES) {
        assert_eq!(broken(pod), [*rule]);
    }
}
