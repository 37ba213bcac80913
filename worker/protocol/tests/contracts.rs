//! Contracts that other programs and older versions of our own read. A failure here means that
//! a change breaks them: rewrite the golden file (`UPDATE_GOLDEN=1 cargo test -p
//! imagejob-protocol`) only when that is meant, and say so in the changelog.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use imagejob_protocol::events::{Attributes, SUCCEEDED, Source};
use imagejob_protocol::reasons::{FailureReason, ProblemReason};
use imagejob_protocol::settings::{
    Access, Action, Addressing, Bounds, ChannelOrder, Classify, DispatcherSettings, Fit, Format, GroupProtocol,
    Handler, JobName, Kafka, KafkaAuth, KafkaTls, Mark, ModelFit, ModelInput, ModelRuntime, OnExhausted, OnFail,
    OssSignature, Output, Payload, PictureFormat, Position, Resize, Retry, Route, SaslMechanism, StartFrom, Step,
    Storage, StorageKind, TensorLayout, Watermark, WorkerSettings,
};
use imagejob_protocol::{metrics, wire};
use prost::Message;

fn golden(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(actual, expected, "{} differs", path.display());
}

fn source() -> Source {
    Source { group: "media.poster-check".into(), topic: "photos".into(), partition: 2, offset: 41 }
}

#[test]
fn item_ids_depend_on_the_source_alone() {
    // printf 'media.poster-check\0photos\0%s\0%s\0%s' 2 41 0 | sha256sum | cut -c1-32
    assert_eq!(source().item_id(0), "5e52c0369fbf3b7208a7c7608988b9cd");
    assert_ne!(source().item_id(0), source().item_id(1));
    // The separator keeps apart what concatenation would confuse.
    let shifted = Source { topic: "photos2".into(), partition: 0, ..source() };
    assert_ne!(Source { topic: "photos".into(), partition: 20, ..source() }.item_id(0), shifted.item_id(0));
}

#[test]
fn event_headers() {
    let attributes = Attributes {
        kind: SUCCEEDED,
        namespace: "media".into(),
        job: "poster-check".into(),
        source: source(),
        index: 0,
        count: 1,
        subject: Some("photos/作业 1.jpg".into()),
        time: "2026-11-21T06:00:00Z".into(),
        attempt: 1,
        traceparent: None,
    };
    let text: String = attributes.headers().iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    golden("event-headers.txt", &text);
}

/// One step of each kind.
fn steps() -> Vec<Step> {
    vec![
        Step { name: "quality".into(), on_fail: OnFail::Stop, action: Action::Quality {} },
        Step {
            name: "match".into(),
            on_fail: OnFail::Continue,
            action: Action::PosterMatch { reference: "oss://posters/{posterId}.jpg".into() },
        },
        Step {
            name: "search".into(),
            on_fail: OnFail::Stop,
            action: Action::PosterSearch { set: "oss://posters/set.txt".into(), top: 3 },
        },
        Step {
            name: "kind".into(),
            on_fail: OnFail::Continue,
            action: Action::Classify(Classify {
                model: "oss://models/kind.onnx".into(),
                sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".into(),
                labels: vec!["cat".into(), "dog".into()],
                input: ModelInput {
                    width: 224,
                    height: 224,
                    layout: TensorLayout::Nchw,
                    channels: ChannelOrder::Rgb,
                    fit: ModelFit::Stretch,
                    mean_per_mille: [485, 456, 406],
                    deviation_per_mille: [229, 224, 225],
                    scale: 1,
                },
                runtime: ModelRuntime::OnnxRuntime,
                top: 3,
                min_percent: 0,
            }),
        },
        Step {
            name: "small".into(),
            on_fail: OnFail::Continue,
            action: Action::Resize(Resize {
                output: Output {
                    place: "oss://checked/small/{name}.webp".into(),
                    format: Some(PictureFormat::WebP),
                    quality: 85,
                },
                bounds: Bounds { max_width: Some(1_600), max_height: None },
                fit: Fit::Contain,
            }),
        },
        Step {
            name: "mark".into(),
            on_fail: OnFail::Continue,
            action: Action::Watermark(Watermark {
                output: Output { place: "oss://checked/{key}".into(), format: None, quality: 85 },
                bounds: Bounds { max_width: None, max_height: None },
                mark: Mark::Text("{city} 北京".into()),
                position: Position::BottomRight,
                size_percent: 5,
                margin_percent: 2,
                opacity_percent: 80,
            }),
        },
        Step {
            name: "own".into(),
            on_fail: OnFail::Continue,
            action: Action::Handler(Handler {
                command: vec!["python3".into(), "handler.py".into()],
                socket: Some("/run/handler.sock".into()),
                payload: Payload::Bytes,
                health_path: Some("/health".into()),
                initialize: true,
                pre_stop: true,
                ..Handler::on_port(0)
            }),
        },
    ]
}

#[test]
fn settings_files() {
    let job = JobName { namespace: "media".into(), name: "poster-check".into() };
    let dispatcher = DispatcherSettings {
        job: job.clone(),
        kafka: Kafka { bootstrap_servers: "kafka:9092".into(), auth: None, tls: None },
        topics: vec!["photos".into()],
        consumer_group: "media.poster-check".into(),
        group_protocol: GroupProtocol::Classic,
        start_from: StartFrom::Created { at_ms: 1_700_000_000_000 },
        dead_letter_topic: "photos.dlq".into(),
        failure_topic: None,
        retry: Retry {
            max_attempts: 3,
            initial_backoff_ms: 1_000,
            max_backoff_ms: 60_000,
            max_age_ms: None,
            on_exhausted: OnExhausted::DeadLetter,
        },
        peers_expected: 2,
    };
    let worker = WorkerSettings {
        job,
        kafka: Kafka {
            bootstrap_servers: "kafka:9093".into(),
            auth: Some(KafkaAuth { mechanism: SaslMechanism::ScramSha512, directory: "/etc/imagejob/kafka".into() }),
            tls: Some(KafkaTls { directory: Some("/etc/imagejob/kafka-tls".into()) }),
        },
        consumer_group: "media.poster-check".into(),
        format: Format::Plain { uri_pointer: Some("/photo/url".into()) },
        hosts: [("img.example.com".into(), "photos".into())].into(),
        storage: Storage {
            kind: StorageKind::S3 {
                endpoint: "https://s3.eu-central-1.amazonaws.com".into(),
                region: "eu-central-1".into(),
                addressing: Addressing::VirtualHost,
                access: Access::Secret { directory: "/etc/imagejob/storage".into() },
            },
            buckets: vec!["photos".into()],
            max_object_bytes: 64 << 20,
        },
        variables: [("posterId".into(), "/poster/id".into())].into(),
        steps: steps(),
        result_topic: "poster-results".into(),
        routes: vec![Route {
            when: vec!["poster".into(), "verdict".into()],
            equals: "Mismatch".into(),
            topic: "poster-wrong".into(),
        }],
        copy: vec!["/student/id".into()],
        slots: 8,
        timeout_ms: None,
    };
    golden("dispatcher-settings.json", &(serde_json::to_string_pretty(&dispatcher).unwrap() + "\n"));
    let kind = StorageKind::Oss {
        endpoint: "https://oss-cn-hangzhou-internal.aliyuncs.com".into(),
        signature: OssSignature::V4 { region: "cn-hangzhou".into() },
        addressing: Addressing::VirtualHost,
        access: Access::Pod {},
    };
    let oss = Storage { kind, ..worker.storage.clone() };
    golden("oss-storage.json", &(serde_json::to_string_pretty(&oss).unwrap() + "\n"));
    golden("worker-settings.json", &(serde_json::to_string_pretty(&worker).unwrap() + "\n"));
    assert_eq!(serde_json::from_str::<WorkerSettings>(&serde_json::to_string(&worker).unwrap()).unwrap(), worker);
}

#[test]
fn words_and_metric_names() {
    let mut text = String::new();
    for reason in FailureReason::ALL {
        text += &format!("failure {reason} {:?}\n", reason.class());
    }
    for reason in ProblemReason::ALL {
        text += &format!("problem {reason}\n");
    }
    for name in metrics::ALL {
        text += &format!("metric {name}\n");
    }
    golden("words.txt", &text);
}

#[test]
fn messages_on_the_wire() {
    let position = || Some(wire::Position { topic: "t".into(), partition: 1, offset: 2 });
    let lease = wire::FromDispatcher {
        message: Some(wire::from_dispatcher::Message::Loans(wire::Loans {
            leases: vec![wire::Lease {
                position: position(),
                attempt: 1,
                losses: 2,
                alone: true,
                interval_ms: 10_000,
                timestamp_ms: 3,
                key: Some("k".into()),
                value: Some("v".into()),
                headers: vec![wire::Header { name: "h".into(), value: None }],
            }],
        })),
    };
    let outcomes = wire::FromWorker {
        message: Some(wire::from_worker::Message::Outcomes(wire::Outcomes {
            sequence: 7,
            done: vec![wire::Done {
                position: position(),
                timings: Some(wire::Timings { fetch: 1, decode: 2, steps: 3, publish: 4, total: 10 }),
                results: 1,
                skipped: false,
            }],
            failed: vec![wire::Fail {
                position: position(),
                class: wire::FailureClass::Permanent.into(),
                reason: "NotJson".into(),
                message: "m".into(),
            }],
            returned: vec![wire::Position { topic: "t".into(), partition: 1, offset: 9 }],
        })),
    };
    let hex = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    golden("wire.txt", &format!("lease {}\noutcomes {}\n", hex(lease.encode_to_vec()), hex(outcomes.encode_to_vec())));
}
