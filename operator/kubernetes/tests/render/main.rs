//! From jobs to objects: held still by golden files, safe for the restricted Pod Security Standard,
//! rolled only when it must be; and the manifests that install the operator.
//!
//! `UPDATE_GOLDEN=1 cargo test -p imagejob-kubernetes --test render` writes the golden files anew.

#![allow(clippy::unwrap_used)]

mod golden;
mod manifests;
mod pod_security;
mod rolling;
mod room;

use std::time::Duration;

use imagejob_api::document::Documents;
use imagejob_api::validate;
use imagejob_kubernetes::render::{Defaults, Objects, OperatorPods, Owner, render};
use imagejob_operator::secrets::SecretPaths;
use imagejob_operator::{Plan, Token, plan};
use imagejob_scaling::{Candidates, Decision, Reason};
use jiff::Timestamp;

/// As little as possible.
const MINIMAL: &str = "
apiVersion: imagejob.dev/v1alpha1
kind: ImageJob
metadata: {name: photos, namespace: media}
spec:
  source: {kafka: {bootstrapServers: 'kafka:9092', topics: [in]}}
  storage: {type: FileSystem, path: /data, buckets: [photos]}
  steps: [{name: quality, quality: {}}]
  results: {topic: out}
";

/// Names every Secret that a job can name, and a limit for each photo.
const SECRETS: &str = "
apiVersion: imagejob.dev/v1alpha1
kind: ImageJob
metadata: {name: posters, namespace: media}
spec:
  source:
    kafka:
      bootstrapServers: 'kafka:9093'
      topics: [in]
      auth: {mechanism: ScramSha512, secretRef: {name: kafka-user}}
      tls: {secretRef: {name: kafka-ca}}
  storage: {type: Oss, endpoint: 'https://oss.example.com', region: eu-1, buckets: [photos], secretRef: {name: oss-reader}}
  steps: [{name: quality, quality: {}}, {name: own, handler: {command: [python3, own.py]}}]
  results: {topic: out}
  delivery: {slots: 16, timeoutSeconds: 30}
  dispatcher: {replicas: 3}
";

/// Changes its own pods: the photos are on a volume, which nobody else could mount.
const TEMPLATES: &str = "
apiVersion: imagejob.dev/v1alpha1
kind: ImageJob
metadata: {name: photos, namespace: media}
spec:
  source: {kafka: {bootstrapServers: 'kafka:9092', topics: [in]}}
  storage: {type: FileSystem, path: /data, buckets: [photos]}
  steps: [{name: quality, quality: {}}]
  results: {topic: out}
  dispatcher: {template: {spec: {priorityClassName: photos}}}
  worker:
    template:
      metadata: {labels: {team: media}}
      spec:
        nodeSelector: {pool: photos}
        containers:
        - name: worker
          resources: {requests: {cpu: 250m}}
          volumeMounts: [{name: data, mountPath: /data, readOnly: true}]
        volumes: [{name: data, persistentVolumeClaim: {claimName: photos, readOnly: true}}]
";

/// What `text` asks for with this many workers.
fn planned(text: &str, workers: u32) -> Plan {
    let documents = Documents::read([("job.yaml", text)]).unwrap();
    let job = validate(&documents.jobs[0].object, None, Timestamp::UNIX_EPOCH).unwrap();
    let decision = Decision {
        replicas: workers,
        wanted: workers,
        reason: Reason::AtRest,
        candidates: Candidates::default(),
        limited_by: None,
        active: Vec::new(),
        next: None,
        recheck_after: Duration::from_secs(2),
    };
    plan(&job, &decision, job.dispatchers.get(), &Token::new("not-very-secret"), &SecretPaths::Mounted)
}

fn defaults() -> Defaults {
    Defaults {
        worker_image: "imagejob-worker:test".to_owned(),
        image_pull_policy: None,
        run_as: Some(Defaults::NON_ROOT),
        network_policy: None,
    }
}

/// As on OpenShift, with everything else that an administrator can ask for.
fn strict_defaults() -> Defaults {
    let labels = [("app.kubernetes.io/name".to_owned(), "imagejob-operator".to_owned())].into();
    Defaults {
        image_pull_policy: Some("Never".to_owned()),
        run_as: None,
        network_policy: Some(OperatorPods { namespace: "imagejob-system".to_owned(), labels }),
        ..defaults()
    }
}

fn rendered(plan: &Plan, defaults: &Defaults) -> Objects {
    let uid = "6f1c3a52-0000-4000-8000-000000000001".to_owned();
    render(plan, &Owner { job: plan.job.clone(), uid }, defaults).unwrap()
}
