//! What the pods of both roles share: security, mounts, ports, probes.
//!
//! Pods satisfy the restricted Pod Security Standard as they are: no root, no capability, no
//! writable root file system, no token of the API server.

use std::collections::BTreeMap;

use imagejob_operator::Role;
use imagejob_operator::secrets::SecretNames;
use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMapVolumeSource, Container, ContainerPort, EnvVar, EnvVarSource, HTTPGetAction, KeyToPath,
    ObjectFieldSelector, PodSecurityContext, PodSpec, PodTemplateSpec, Probe, SeccompProfile, SecretVolumeSource,
    SecurityContext, ServiceAccount, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{HTTP_PORT, Job, labels, settings};

/// Everything that we mount is below this folder.
pub(super) const MOUNTS: &str = "/etc/imagejob";
/// The environment variable with the pod's name.
pub(super) const POD_NAME: &str = "POD_NAME";

/// Our volumes; each is mounted in the folder of its name.
pub(super) const VOLUMES: [&str; 5] = [SETTINGS_VOLUME, TOKEN_VOLUME, STORAGE_VOLUME, KAFKA_VOLUME, KAFKA_TLS_VOLUME];
const SETTINGS_VOLUME: &str = "settings";
const TOKEN_VOLUME: &str = "token";
const STORAGE_VOLUME: &str = "storage";
const KAFKA_VOLUME: &str = "kafka";
const KAFKA_TLS_VOLUME: &str = "kafka-tls";

/// Readable by everybody in the container, which is one process; writable by nobody.
const READ_ONLY: i32 = 0o444;

/// A pod of a role around its container.
pub(super) fn template(job: &Job<'_>, role: Role, pod: PodSpec) -> PodTemplateSpec {
    PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(labels::labels(job.name(), Some(role))),
            annotations: Some([(labels::SETTINGS.to_owned(), settings::hash(job, role))].into()),
            ..ObjectMeta::default()
        }),
        spec: Some(PodSpec {
            automount_service_account_token: Some(false),
            // Variables for each Service of the namespace: with a thousand jobs in it they slow the start.
            enable_service_links: Some(false),
            security_context: Some(PodSecurityContext {
                run_as_non_root: Some(true),
                run_as_user: job.defaults.run_as,
                run_as_group: job.defaults.run_as,
                seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".to_owned(), ..Default::default() }),
                ..PodSecurityContext::default()
            }),
            service_account_name: Some(job.names.account.clone()),
            ..pod
        }),
    }
}

/// The container of a role, with what both have. `arguments` come after the ones that both take.
pub(super) fn container(job: &Job<'_>, role: Role, program: &str, arguments: &[String]) -> Container {
    let settings = format!("{MOUNTS}/{SETTINGS_VOLUME}/{}", settings::key(role));
    let token = format!("{MOUNTS}/{TOKEN_VOLUME}/{}", settings::TOKEN_KEY);
    let (id, http) = (format!("$({POD_NAME})"), format!("0.0.0.0:{HTTP_PORT}"));
    let taken_by_both = [program, "--settings", &settings, "--token-file", &token, "--id", &id, "--http", &http];
    Container {
        name: labels::component(role).to_owned(),
        image: Some(job.defaults.worker_image.clone()),
        image_pull_policy: job.defaults.image_pull_policy.clone(),
        args: Some(taken_by_both.into_iter().map(str::to_owned).chain(arguments.iter().cloned()).collect()),
        env: Some(vec![EnvVar {
            name: POD_NAME.to_owned(),
            value_from: Some(EnvVarSource {
                field_ref: Some(ObjectFieldSelector { field_path: "metadata.name".to_owned(), api_version: None }),
                ..EnvVarSource::default()
            }),
            ..EnvVar::default()
        }]),
        ports: Some(vec![port("http", HTTP_PORT)]),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
            read_only_root_filesystem: Some(true),
            ..SecurityContext::default()
        }),
        volume_mounts: Some(mounts(job, role).into_iter().map(|(mount, _)| mount).collect()),
        ..Container::default()
    }
}

/// The volumes behind the container's mounts.
pub(super) fn volumes(job: &Job<'_>, role: Role) -> Vec<Volume> {
    mounts(job, role).into_iter().map(|(_, volume)| volume).collect()
}

fn mounts(job: &Job<'_>, role: Role) -> Vec<(VolumeMount, Volume)> {
    let mounted = |name: &str| VolumeMount {
        name: name.to_owned(),
        mount_path: format!("{MOUNTS}/{name}"),
        read_only: Some(true),
        ..VolumeMount::default()
    };
    let file = settings::key(role).to_owned();
    let settings = Volume {
        name: SETTINGS_VOLUME.to_owned(),
        config_map: Some(ConfigMapVolumeSource {
            name: job.names.settings.clone(),
            items: Some(vec![KeyToPath { key: file.clone(), path: file, mode: None }]),
            default_mode: Some(READ_ONLY),
            ..ConfigMapVolumeSource::default()
        }),
        ..Volume::default()
    };
    let token = secret(TOKEN_VOLUME, &job.names.token);
    let users = users_secrets(job, role).map(|(volume, name)| (mounted(volume), secret(volume, name)));
    [(mounted(SETTINGS_VOLUME), settings), (mounted(TOKEN_VOLUME), token)].into_iter().chain(users).collect()
}

/// The user's Secrets that a role needs. A dispatcher has no business with the photos.
fn users_secrets<'a>(job: &Job<'a>, role: Role) -> impl Iterator<Item = (&'static str, &'a str)> {
    let SecretNames { storage, kafka, kafka_tls } = &job.plan.secrets;
    let storage = storage.as_deref().filter(|_| role == Role::Worker);
    let named = [(STORAGE_VOLUME, storage), (KAFKA_VOLUME, kafka.as_deref()), (KAFKA_TLS_VOLUME, kafka_tls.as_deref())];
    named.into_iter().filter_map(|(volume, name)| Some((volume, name?)))
}

/// A volume with all keys of a Secret as files. The pod waits until the Secret is there.
fn secret(volume: &str, name: &str) -> Volume {
    Volume {
        name: volume.to_owned(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(name.to_owned()),
            default_mode: Some(READ_ONLY),
            ..SecretVolumeSource::default()
        }),
        ..Volume::default()
    }
}

pub(super) fn port(name: &str, port: i32) -> ContainerPort {
    ContainerPort { name: Some(name.to_owned()), container_port: port, ..ContainerPort::default() }
}

/// Asks for `path` every so many seconds.
pub(super) fn probe(path: &str, period_seconds: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::String("http".to_owned()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period_seconds),
        // A node under load answers late, not wrongly.
        timeout_seconds: Some(5),
        ..Probe::default()
    }
}

pub(super) fn quantities<const N: usize>(amounts: [(&str, String); N]) -> BTreeMap<String, Quantity> {
    amounts.into_iter().map(|(name, amount)| (name.to_owned(), Quantity(amount))).collect()
}

/// An account without rights, so that the pods are not those of the namespace's `default` one.
pub(super) fn service_account(job: &Job<'_>) -> ServiceAccount {
    ServiceAccount {
        metadata: job.metadata(&job.names.account, None),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    }
}
