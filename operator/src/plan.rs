//! What should run: how many dispatchers and workers, and what they read when they start.
//!
//! Pure. How it comes to run (processes, pods) is the cluster's matter.

mod classify;
mod outputs;

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use imagejob_api::validate::{
    Action, Format, Handler, OssSignature, StartFrom, Step, Storage, StorageKind, StoreAccess,
};
use imagejob_api::{
    BucketAddressing, FailureAction, GroupProtocol, LastResort, LifecycleCall, Mechanism, NamespacedName, Payload,
    ValidatedJob,
};
use imagejob_protocol::settings;
use imagejob_protocol::settings::{DispatcherSettings, JobName, WorkerSettings};
use imagejob_scaling::Decision;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use sha2::{Digest, Sha256};

use crate::secrets::{Purpose, SecretNames, SecretPaths};

/// What should run for a job.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The job.
    pub job: NamespacedName,
    /// Dispatchers that should run.
    pub dispatchers: u32,
    /// Workers that should run.
    pub workers: u32,
    /// What each dispatcher reads when it starts.
    pub dispatcher_settings: DispatcherSettings,
    /// What each worker reads when it starts.
    pub worker_settings: WorkerSettings,
    /// The user's Secrets that the processes read.
    pub secrets: SecretNames,
    /// The job's own changes to its dispatchers, where these are pods.
    pub dispatcher_template: Option<PodTemplateSpec>,
    /// The same for its workers.
    pub worker_template: Option<PodTemplateSpec>,
    /// With what the job's own parts recognise each other.
    pub token: Token,
}

/// A secret that only the parts of one job know. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A token with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, to be sent or written where only the job's parts read it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// Names a plan: equal plans have equal hashes, others have not.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PlanHash(String);

impl PlanHash {
    /// The hash that was written down as this text.
    pub fn read(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for PlanHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Plan {
    /// The first 16 hex digits of SHA-256 over everything in the plan.
    pub fn hash(&self) -> PlanHash {
        let Self {
            job,
            dispatchers,
            workers,
            dispatcher_settings,
            worker_settings,
            secrets,
            dispatcher_template,
            worker_template,
            token,
        } = self;
        let text = format!(
            "{job}\n{dispatchers}\n{workers}\n{dispatcher_settings:?}\n{worker_settings:?}\n{secrets:?}\n\
             {dispatcher_template:?}\n{worker_template:?}\n{}",
            token.expose()
        );
        let digest = Sha256::digest(text.as_bytes());
        PlanHash(digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect())
    }
}

/// Plans for a decision. `dispatchers` is how many of the job's dispatchers have something to do,
/// see [`dispatchers`]; `paths` is where its processes find Secrets.
pub fn plan(job: &ValidatedJob, decision: &Decision, dispatchers: u32, token: &Token, paths: &SecretPaths) -> Plan {
    Plan {
        job: job.name.clone(),
        dispatchers,
        workers: decision.replicas,
        dispatcher_settings: dispatcher_settings(job, paths),
        worker_settings: worker_settings(job, paths),
        secrets: SecretNames::of(job),
        dispatcher_template: job.dispatcher_template.clone(),
        worker_template: job.worker_template.clone(),
        token: token.clone(),
    }
}

/// Dispatchers that have something to do: as many as the job asks for, but no more than there are
/// partitions. While the partitions are not known, those that run stay.
pub fn dispatchers(asked: NonZeroU32, partitions: Option<u32>, applied: u32) -> u32 {
    match (partitions, applied) {
        (Some(partitions), _) => asked.get().min(partitions).max(1),
        (None, 0) => asked.get(),
        (None, applied) => asked.get().min(applied),
    }
}

fn job_name(job: &ValidatedJob) -> JobName {
    JobName { namespace: job.name.namespace.clone(), name: job.name.name.clone() }
}

/// Whole milliseconds; validated times are far below the limit of the type.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn kafka(job: &ValidatedJob, paths: &SecretPaths) -> settings::Kafka {
    let auth = job.source.auth.as_ref().map(|auth| settings::KafkaAuth {
        mechanism: match auth.mechanism {
            Mechanism::Plain => settings::SaslMechanism::Plain,
            Mechanism::ScramSha256 => settings::SaslMechanism::ScramSha256,
            Mechanism::ScramSha512 => settings::SaslMechanism::ScramSha512,
        },
        directory: paths.of(Purpose::Kafka, &auth.secret),
    });
    let tls = job.source.tls.as_ref().map(|tls| settings::KafkaTls {
        directory: tls.secret.as_ref().map(|secret| paths.of(Purpose::KafkaTls, secret)),
    });
    settings::Kafka { bootstrap_servers: job.source.bootstrap_servers.clone(), auth, tls }
}

fn dispatcher_settings(job: &ValidatedJob, paths: &SecretPaths) -> DispatcherSettings {
    DispatcherSettings {
        job: job_name(job),
        kafka: kafka(job, paths),
        topics: job.source.topics.clone(),
        consumer_group: job.source.consumer_group.clone(),
        group_protocol: match job.source.group_protocol {
            GroupProtocol::Classic => settings::GroupProtocol::Classic,
            GroupProtocol::Consumer => settings::GroupProtocol::Consumer,
        },
        start_from: match job.source.start_from {
            StartFrom::Earliest => settings::StartFrom::Earliest,
            StartFrom::Created(at) => settings::StartFrom::Created { at_ms: at.as_millisecond() },
        },
        dead_letter_topic: job.results.dead_letter_topic.clone(),
        failure_topic: job.results.failure_topic.clone(),
        retry: settings::Retry {
            max_attempts: job.retry.max_attempts.get(),
            initial_backoff_ms: millis(job.retry.initial_backoff),
            max_backoff_ms: millis(job.retry.max_backoff),
            max_age_ms: job.retry.max_age.map(millis),
            on_exhausted: match job.retry.on_exhausted {
                LastResort::DeadLetter => settings::OnExhausted::DeadLetter,
                LastResort::Skip => settings::OnExhausted::Skip,
                LastResort::Block => settings::OnExhausted::Block,
            },
        },
        peers_expected: job.dispatchers.get(),
    }
}

fn route(route: &imagejob_api::Route) -> settings::Route {
    settings::Route {
        when: route.when.split('.').map(str::to_owned).collect(),
        equals: route.equals.clone(),
        topic: route.topic.clone(),
    }
}

/// What each worker of a job reads when it starts.
pub fn worker_settings(job: &ValidatedJob, paths: &SecretPaths) -> WorkerSettings {
    WorkerSettings {
        job: job_name(job),
        kafka: kafka(job, paths),
        consumer_group: job.source.consumer_group.clone(),
        format: match &job.source.format {
            Format::Auto => settings::Format::Auto,
            Format::Plain { uri_pointer } => settings::Format::Plain { uri_pointer: uri_pointer.clone() },
            Format::S3Event => settings::Format::S3Event,
            Format::OssEvent => settings::Format::OssEvent,
            Format::MnsBase64 => settings::Format::MnsBase64,
            Format::CloudEvent => settings::Format::CloudEvent,
            Format::FcConnector => settings::Format::FcConnector,
        },
        hosts: job.source.hosts.clone(),
        storage: storage(&job.storage, paths),
        variables: job.variables.clone(),
        steps: job.steps.iter().map(step).collect(),
        result_topic: job.results.topic.clone(),
        routes: job.results.routes.iter().map(route).collect(),
        copy: job.results.copy.clone(),
        slots: job.slots.get(),
        timeout_ms: job.timeout.map(millis),
    }
}

fn storage(storage: &Storage, paths: &SecretPaths) -> settings::Storage {
    let kind = match &storage.kind {
        StorageKind::FileSystem { path } => settings::StorageKind::FileSystem { path: path.clone() },
        StorageKind::S3 { endpoint, region, addressing, access } => settings::StorageKind::S3 {
            endpoint: endpoint.clone(),
            region: region.clone(),
            addressing: self::addressing(*addressing),
            access: store_access(access, paths),
        },
        StorageKind::Oss { endpoint, signature, addressing, access } => settings::StorageKind::Oss {
            endpoint: endpoint.clone(),
            signature: match signature {
                OssSignature::V4 { region } => settings::OssSignature::V4 { region: region.clone() },
                OssSignature::V1 => settings::OssSignature::V1 {},
            },
            addressing: self::addressing(*addressing),
            access: store_access(access, paths),
        },
    };
    settings::Storage { kind, buckets: storage.buckets.clone(), max_object_bytes: storage.max_object_bytes }
}

fn addressing(addressing: BucketAddressing) -> settings::Addressing {
    match addressing {
        BucketAddressing::VirtualHost => settings::Addressing::VirtualHost,
        BucketAddressing::Path => settings::Addressing::Path,
        BucketAddressing::CName => settings::Addressing::CName,
    }
}

fn store_access(access: &StoreAccess, paths: &SecretPaths) -> settings::Access {
    match access {
        StoreAccess::Secret(name) => settings::Access::Secret { directory: paths.of(Purpose::Storage, name) },
        StoreAccess::Pod => settings::Access::Pod {},
        StoreAccess::Node => settings::Access::Node {},
    }
}

fn step(step: &Step) -> settings::Step {
    settings::Step {
        name: step.name.clone(),
        on_fail: match step.on_fail {
            FailureAction::Stop => settings::OnFail::Stop,
            FailureAction::Continue => settings::OnFail::Continue,
        },
        action: match &step.action {
            Action::Quality => settings::Action::Quality {},
            Action::PosterMatch { reference } => settings::Action::PosterMatch { reference: reference.clone() },
            Action::PosterSearch { set, top } => settings::Action::PosterSearch { set: set.clone(), top: *top },
            Action::Homework { template, regions } => {
                settings::Action::Homework { template: template.clone(), regions: regions.clone() }
            }
            Action::Classify(model) => settings::Action::Classify(classify::settings(model)),
            Action::Resize(step) => settings::Action::Resize(outputs::resize(step)),
            Action::Watermark(step) => settings::Action::Watermark(outputs::watermark(step)),
            Action::Handler(step) => settings::Action::Handler(handler(step)),
        },
    }
}

fn handler(handler: &Handler) -> settings::Handler {
    settings::Handler {
        command: handler.command.clone(),
        port: handler.port.unwrap_or(0),
        socket: handler.socket.clone(),
        path: handler.path.clone(),
        timeout_ms: millis(handler.timeout),
        payload: match handler.payload {
            Payload::Reference => settings::Payload::Reference,
            Payload::Bytes => settings::Payload::Bytes,
            Payload::Record => settings::Payload::Record,
        },
        health_path: handler.health_path.clone(),
        initialize: handler.lifecycle.contains(&LifecycleCall::Initialize),
        pre_stop: handler.lifecycle.contains(&LifecycleCall::PreStop),
    }
}
