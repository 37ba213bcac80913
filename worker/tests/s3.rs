//! Objects from a real S3 server that checks signatures, and from one that misbehaves on purpose.

#![allow(clippy::unwrap_used)]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::thread::JoinHandle;

use imagejob_protocol::events::Object;
use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::settings::{Access, Addressing, Storage, StorageKind};
use imagejob_worker::outcome::Failure;
use imagejob_worker::storage::Store;
use tempfile::TempDir;

#[allow(unreachable_pub)] // The stories use it from outside.
#[path = "../../e2e/src/s3.rs"]
mod s3;

use s3::{ACCESS_KEY_ID, REGION, S3, SECRET_ACCESS_KEY, write_secret};

const BUCKET: &str = "photos";

fn object(bucket: &str, key: &str) -> Object {
    Object::new(bucket, key)
}

/// A store of objects of at most 8 bytes.
fn store(endpoint: &str, credentials: &Path) -> Store {
    limited(endpoint, credentials, 8)
}

fn limited(endpoint: &str, credentials: &Path, max_object_bytes: u64) -> Store {
    let kind = StorageKind::S3 {
        endpoint: endpoint.to_owned(),
        region: REGION.into(),
        addressing: Addressing::Path,
        access: Access::Secret { directory: credentials.to_owned() },
    };
    Store::open(&Storage { kind, buckets: vec![BUCKET.into(), "gone".into()], max_object_bytes })
}

fn secret(access_key_id: &str, secret_access_key: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_secret(folder.path(), access_key_id, secret_access_key).unwrap();
    folder
}

async fn failure(store: &Store, bucket: &str, key: &str) -> Failure {
    let failure = store.read(&object(bucket, key)).await.unwrap_err();
    println!("{:20} {}", failure.reason, failure.message);
    failure
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_read_by_name_and_what_cannot_be_read_says_why() {
    use FailureReason as R;
    let server = S3::start(BUCKET).unwrap();
    let folder = server.bucket(BUCKET);
    std::fs::create_dir(folder.join("作业")).unwrap();
    for (key, text) in
        [("a.jpg", "12345678"), ("作业/作业 1+2%3.jpg", "123"), ("empty", ""), ("large.jpg", "123456789")]
    {
        std::fs::write(folder.join(key), text).unwrap();
    }
    let secret = secret(ACCESS_KEY_ID, SECRET_ACCESS_KEY);
    let store = store(&server.endpoint(), secret.path());
    assert_eq!(store.read(&object(BUCKET, "a.jpg")).await.unwrap(), "12345678");
    assert_eq!(store.read(&object(BUCKET, "作业/作业 1+2%3.jpg")).await.unwrap(), "123");
    for (bucket, key, reason) in [
        (BUCKET, "b.jpg", R::ObjectMissing),
        (BUCKET, "large.jpg", R::ObjectTooLarge),
        (BUCKET, "empty", R::EmptyObject),
        (BUCKET, "../secret", R::PathEscapesStore),
        ("secrets", "a.jpg", R::BucketNotListed),
        ("gone", "a.jpg", R::ObjectMissing),
    ] {
        assert_eq!(failure(&store, bucket, key).await.reason, reason, "{bucket} {key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_object_is_read_in_parts_that_are_signed_with_their_range() {
    let server = S3::start(BUCKET).unwrap();
    // Each 8 bytes say where they are; two parts, the second of one MiB.
    let bytes: Vec<u8> = (0..17 << 17_u64).flat_map(u64::to_be_bytes).collect();
    std::fs::write(server.bucket(BUCKET).join("large"), &bytes).unwrap();
    let secret = secret(ACCESS_KEY_ID, SECRET_ACCESS_KEY);
    let read = limited(&server.endpoint(), secret.path(), 64 << 20).read(&object(BUCKET, "large")).await.unwrap();
    assert!(read == bytes, "every byte is in its place");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_key_is_read_again_from_its_files() {
    let server = S3::start(BUCKET).unwrap();
    std::fs::write(server.bucket(BUCKET).join("a.jpg"), "1").unwrap();
    for (id, key) in [("AKIDOFNOBODY", SECRET_ACCESS_KEY), (ACCESS_KEY_ID, "wrong")] {
        let secret = secret(id, key);
        let store = store(&server.endpoint(), secret.path());
        let refused = failure(&store, BUCKET, "a.jpg").await;
        assert_eq!(refused.reason, FailureReason::AccessDenied);
        assert!(!refused.message.contains("wrong"), "no secret is printed: {refused}");
        // The Secret is rotated under a worker that runs.
        write_secret(secret.path(), ACCESS_KEY_ID, SECRET_ACCESS_KEY).unwrap();
        assert_eq!(store.read(&object(BUCKET, "a.jpg")).await.unwrap(), "1");
    }
}

#[tokio::test]
async fn a_key_that_the_secret_lacks_is_named() {
    let secret = secret(ACCESS_KEY_ID, SECRET_ACCESS_KEY);
    std::fs::remove_file(secret.path().join("secretAccessKey")).unwrap();
    let failure = failure(&store("http://127.0.0.1:9", secret.path()), BUCKET, "a.jpg").await;
    assert_eq!(failure.reason, FailureReason::CredentialsUnavailable);
    assert!(failure.message.contains("does the storage Secret have the key secretAccessKey?"), "{failure}");
}

#[tokio::test]
async fn a_store_that_is_down_is_unavailable() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let secret = secret(ACCESS_KEY_ID, SECRET_ACCESS_KEY);
    let endpoint = format!("http://{free}");
    let failure = failure(&store(&endpoint, secret.path()), BUCKET, "a.jpg").await;
    assert_eq!(failure.reason, FailureReason::StoreUnavailable);
    assert!(failure.message.contains(&endpoint) && failure.message.contains("refused"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_written_with_their_checksum_and_over_what_was_there() {
    use FailureReason as R;
    let server = S3::start(BUCKET).unwrap();
    let folder = server.bucket(BUCKET);
    let secret = secret(ACCESS_KEY_ID, SECRET_ACCESS_KEY);
    let store = store(&server.endpoint(), secret.path());
    for (key, text) in [("a.jpg", "1234"), ("a.jpg", "5678"), ("小/作业 1+2%3.jpg", "123")] {
        let written = store.write(&object(BUCKET, key), &text.into(), "image/jpeg").await.unwrap();
        assert!(written.etag.is_some_and(|etag| !etag.contains('"')));
        assert_eq!(std::fs::read_to_string(folder.join(key)).unwrap(), text);
    }
    for (bucket, key, text, reason) in [
        (BUCKET, "large.jpg", "123456789", R::ObjectTooLarge),
        (BUCKET, "../secret", "1", R::PathEscapesStore),
        ("secrets", "a.jpg", "1", R::BucketNotListed),
    ] {
        let failure = store.write(&object(bucket, key), &text.into(), "image/jpeg").await.unwrap_err();
        assert_eq!(failure.reason, reason, "{bucket} {key}: {failure}");
    }
}

/// Answers, a connection each, in their order; ends when all are given.
fn answers(answers: Vec<String>) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let served = std::thread::spawn(move || {
        for answer in answers {
            let (mut socket, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                socket.read_exact(&mut byte).unwrap();
                request.push(byte[0]);
            }
            socket.write_all(answer.as_bytes()).unwrap();
        }
    });
    (endpoint, served)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}connection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn refusal(status: &str, code: &str) -> String {
    answer(status, "", &format!("<Error><Code>{code}</Code><Message>of {code}</Message></Error>"))
}

/// Cut off in the middle of the body.
fn cut() -> String {
    "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 8\r\n\r\n1234".into()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_pass_is_asked_for_again() {
    let good = || answer("200 OK", "", "12345678");
    for bad in [
        refusal("404 Not Found", "NoSuchKey"),
        refusal("503 Service Unavailable", "SlowDown"),
        refusal("429 Too Many Requests", "TooManyRequests"),
        refusal("500 Internal Server Error", "InternalError"),
        cut(),
    ] {
        let (endpoint, served) = answers(vec![bad.clone(), bad.clone(), good()]);
        let secret = secret(ACCESS_KEY_ID, SECRET_ACCESS_KEY);
        let read = store(&endpoint, secret.path()).read(&object(BUCKET, "a.jpg")).await;
        assert_eq!(read.unwrap(), "12345678", "{bad}");
        served.join().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_pass_ends_as_a_failure_with_the_stores_own_words() {
    use FailureReason as R;
    let elsewhere = answer("301 Moved Permanently", "location: http://127.0.0.1:1/secret\r\n", "");
    let table = [
        (vec![refusal("403 Forbidden", "AccessDenied")], R::AccessDenied, "AccessDenied: of AccessDenied"),
        (vec![refusal("403 Forbidden", "RequestTimeTooSkewed")], R::AccessDenied, "set the clock of this machine"),
        (vec![refusal("400 Bad Request", "ExpiredToken")], R::AccessDenied, "ExpiredToken"),
        (vec![refusal("404 Not Found", "NoSuchBucket")], R::ObjectMissing, "there is no bucket \"photos\""),
        (vec![refusal("404 Not Found", "NoSuchKey"); 3], R::ObjectMissing, "there is no object"),
        (vec![refusal("503 Service Unavailable", "SlowDown"); 3], R::StoreUnavailable, "SlowDown"),
        (vec![cut(); 3], R::StoreUnavailable, "could not be read"),
        (vec![elsewhere], R::StoreUnavailable, "301"),
        (vec![answer("200 OK", "", "123456789")], R::ObjectTooLarge, "9 bytes"),
    ];
    for (given, reason, words) in table {
        let (endpoint, served) = answers(given);
        let secret = secret(ACCESS_KEY_ID, SECRET_ACCESS_KEY);
        let failure = failure(&store(&endpoint, secret.path()), BUCKET, "a.jpg").await;
        assert_eq!(failure.reason, reason, "{failure}");
        assert!(failure.message.contains(words), "{failure}");
        served.join().unwrap();
    }
}
