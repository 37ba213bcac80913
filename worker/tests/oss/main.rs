//! Objects from and to a store that speaks the dialect of OSS and checks every signature: what is read and written,
//! and what each refusal becomes.

#![allow(clippy::unwrap_used, unreachable_pub, missing_docs)]

mod known_answers;
#[cfg(target_os = "linux")]
mod large;
mod server;
mod signature;
mod writing;

use std::path::Path;

use imagejob_protocol::events::Object;
use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::settings::{Access, Addressing, OssSignature, Storage, StorageKind};
use imagejob_worker::outcome::Failure;
use imagejob_worker::storage::Store;
use jiff::SignedDuration;
use tempfile::TempDir;

use server::{ACCESS_KEY_ID, Fault, Oss, REGION, SECRET, write_secret};

const BUCKET: &str = "photos";
const MIB: usize = 1 << 20;

fn object(key: &str) -> Object {
    Object { bucket: BUCKET.to_owned(), key: key.to_owned(), bytes: None, etag: None }
}

fn v4() -> OssSignature {
    OssSignature::V4 { region: REGION.to_owned() }
}

/// A job's store: objects up to 64 MiB, named in the path.
fn store(endpoint: &str, signature: OssSignature, secret: &Path) -> Store {
    let access = Access::Secret { directory: secret.to_owned() };
    let kind = StorageKind::Oss { endpoint: endpoint.to_owned(), signature, addressing: Addressing::Path, access };
    Store::open(&Storage { kind, buckets: vec![BUCKET.into(), "gone".into()], max_object_bytes: 64 << 20 })
}

/// The server, the client's key and the client.
struct Bench {
    server: Oss,
    secret: TempDir,
    store: Store,
}

impl Bench {
    /// With `a.jpg`, whose bytes are `12345678`.
    fn new() -> Self {
        let (server, secret) = (Oss::start(), tempfile::tempdir().unwrap());
        server.put(BUCKET, "a.jpg", "12345678");
        write_secret(secret.path(), ACCESS_KEY_ID, SECRET);
        let store = store(&server.endpoint(), v4(), secret.path());
        Self { server, secret, store }
    }

    async fn failure(&self, object: &Object) -> Failure {
        let failure = self.store.read(object).await.map(|bytes| bytes.len()).unwrap_err();
        println!("{:22} {}", failure.reason, failure.message);
        failure
    }

    fn requests(&self) -> usize {
        self.server.world().seen.len()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_name_is_read_with_either_signature() {
    let bench = Bench::new();
    let names = [
        "a.jpg",
        "作业/作业 1.jpg",
        "a+b&c=d?e#f%20%.jpg",
        " a//b ",
        "~a'(b)*!.jpg",
        "a\\b\"<>|`^{}.jpg",
        "📷.jpg",
        "photos/a.jpg",
    ];
    for name in names {
        bench.server.put(BUCKET, name, name.to_owned());
    }
    for (signature, prefix) in
        [(v4(), "OSS4-HMAC-SHA256 Credential=LTAIofthestory/"), (OssSignature::V1 {}, "OSS LTAI")]
    {
        let store = store(&bench.server.endpoint(), signature, bench.secret.path());
        for name in names {
            assert_eq!(store.read(&object(name)).await.unwrap(), name);
            assert!(bench.server.world().seen.last().unwrap().authorization.starts_with(prefix));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_costs_an_answer_without_bytes_until_it_is_overwritten() {
    let bench = Bench::new();
    let known = bench.store.read_unless(&object("a.jpg"), None).await.unwrap().unwrap();
    assert_eq!(known.bytes, "12345678");
    for asked in 2..4 {
        assert_eq!(bench.store.read_unless(&object("a.jpg"), known.etag.as_deref()).await, Ok(None));
        assert_eq!(bench.requests(), asked, "one request each time");
    }
    bench.server.put(BUCKET, "a.jpg", "87654321");
    let changed = bench.store.read_unless(&object("a.jpg"), known.etag.as_deref()).await.unwrap().unwrap();
    assert_eq!(changed.bytes, "87654321");
    assert_ne!(changed.etag, known.etag);
    let gone = bench.store.read_unless(&object("b.jpg"), known.etag.as_deref()).await.unwrap_err();
    assert_eq!(gone.reason, FailureReason::ObjectMissing);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_of_one_bucket_is_asked_without_the_bucket_and_signed_with_it() {
    let bench = Bench::new();
    bench.server.world().cname = Some(BUCKET.to_owned());
    for signature in [v4(), OssSignature::V1 {}] {
        let access = Access::Secret { directory: bench.secret.path().to_owned() };
        let (endpoint, addressing) = (bench.server.endpoint(), Addressing::CName);
        let kind = StorageKind::Oss { endpoint, signature, addressing, access };
        let store = Store::open(&Storage { kind, buckets: vec![BUCKET.into()], max_object_bytes: 8 });
        assert_eq!(store.read(&object("a.jpg")).await.unwrap(), "12345678");
    }
    assert_eq!(bench.server.world().seen[0].path, "/a.jpg");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_has_a_reason_and_a_way_out_and_neighbours_are_read() {
    use FailureReason as R;
    use Fault::{Cut, Redirect, Refuse};
    // What happens to each request, how many are made of it, and what becomes of the record.
    let table = [
        (
            Refuse(403, "AccessDenied"),
            1,
            R::AccessDenied,
            "AccessDenied: of AccessDenied (EC 0000-00000001); allow the key",
        ),
        (Refuse(403, "InvalidAccessKeyId"), 1, R::AccessDenied, "put an accessKeyId into the Secret"),
        (Refuse(403, "SignatureDoesNotMatch"), 1, R::AccessDenied, "check secretAccessKey and storage.region"),
        (Refuse(403, "SecurityTokenExpired"), 1, R::AccessDenied, "renew the temporary key"),
        (Refuse(403, "InvalidObjectState"), 1, R::AccessDenied, "restore it from the archive"),
        (Refuse(404, "NoSuchKey"), 3, R::ObjectMissing, "there is no object photos/a.jpg"),
        (Refuse(404, "NoSuchBucket"), 1, R::ObjectMissing, "there is no bucket \"photos\""),
        (
            Refuse(400, "InvalidArgument"),
            1,
            R::StoreUnavailable,
            "InvalidArgument (EC 0000-00000001); check storage.endpoint",
        ),
        (Refuse(429, "QpsLimitExceeded"), 3, R::StoreUnavailable, "ask the store less"),
        (Refuse(500, "InternalError"), 3, R::StoreUnavailable, "InternalError"),
        (Refuse(503, "ServiceUnavailable"), 3, R::StoreUnavailable, "ServiceUnavailable"),
        (Cut(1), 3, R::StoreUnavailable, "could not be read from http://127.0.0.1"),
        (
            Redirect,
            1,
            R::StoreUnavailable,
            "redirects to http://127.0.0.1:1/secret (status 307), which is not followed",
        ),
    ];
    for (fault, requests, reason, words) in table {
        let bench = Bench::new();
        bench.server.put(BUCKET, "b.jpg", "neighbour");
        bench.server.world().faults.extend([fault; 3].into_iter().take(requests));
        let failure = bench.failure(&object("a.jpg")).await;
        assert_eq!((failure.reason, bench.requests()), (reason, requests), "{fault:?}: {failure}");
        assert!(failure.message.contains(words), "{fault:?}: {failure}");
        assert_eq!(bench.store.read(&object("b.jpg")).await.unwrap(), "neighbour");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_in_a_moment_is_asked_for_again_and_cut_bodies_from_where_they_ended() {
    let refusals = [404, 408, 429, 500, 502, 503].map(|status| Fault::Refuse(status, "Busy"));
    for fault in refusals.into_iter().chain([Fault::Cut(0), Fault::Cut(3), Fault::Slow]) {
        let bench = Bench::new();
        bench.server.world().faults.push_back(fault);
        assert_eq!(bench.store.read(&object("a.jpg")).await.unwrap(), "12345678", "{fault:?}");
        if fault == Fault::Cut(3) {
            // The bytes that came before the end may have been lost with the connection.
            let again = bench.server.world().seen[1].clone();
            assert!(["bytes=3-7", "bytes=0-7"].contains(&again.range.unwrap().as_str()));
            assert!(again.if_match.is_some(), "what is read on is the same version");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_not_what_its_event_named_is_given_up() {
    let bench = Bench::new();
    let named = bench.server.put(BUCKET, "b.jpg", "first");
    let asked = Object { etag: Some(named), ..object("b.jpg") };
    assert_eq!(bench.store.read(&asked).await.unwrap(), "first");
    bench.server.put(BUCKET, "b.jpg", "second");
    let failure = bench.failure(&asked).await;
    assert_eq!(failure.reason, FailureReason::ObjectChanged);
    assert!(failure.message.contains("was overwritten since"), "{failure}");
    assert_eq!(bench.requests(), 2, "another try cannot bring it back");
    let nonsense = Object { etag: Some("a\r\nhost: elsewhere".to_owned()), ..object("b.jpg") };
    assert_eq!(bench.failure(&nonsense).await.reason, FailureReason::ObjectChanged);
    assert_eq!(bench.store.read(&object("b.jpg")).await.unwrap(), "second", "a message without a version means any");
}

#[tokio::test(flavor = "multi_thread")]
async fn sizes_decide_before_bytes_are_kept() {
    let bench = Bench::new();
    bench.server.put(BUCKET, "empty", "");
    bench.server.put(BUCKET, "large", vec![0; (64 << 20) + 1]);
    assert_eq!(bench.failure(&object("empty")).await.reason, FailureReason::EmptyObject);
    assert_eq!(bench.failure(&object("large")).await.reason, FailureReason::ObjectTooLarge);
    assert_eq!(bench.requests(), 2);
    let elsewhere = Object { bucket: "secrets".into(), ..object("a.jpg") };
    assert_eq!(bench.failure(&elsewhere).await.reason, FailureReason::BucketNotListed);
    assert_eq!(bench.requests(), 2, "nobody is asked for a bucket that is not listed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_object_is_read_in_parts_of_one_version() {
    let bench = Bench::new();
    // Each 8 bytes say where they are.
    let bytes: Vec<u8> = (0..40 * MIB as u64 / 8).flat_map(u64::to_be_bytes).collect();
    let etag = format!("\"{}\"", bench.server.put(BUCKET, "large", bytes.clone()));
    bench.server.world().faults.extend([Fault::Cut(9 * MIB), Fault::Refuse(503, "Busy"), Fault::Cut(100)]);
    let read = bench.store.read(&object("large")).await.unwrap();
    assert!(read == bytes, "every byte is in its place");
    let seen = bench.server.world().seen.clone();
    assert_eq!((seen[0].range.as_deref(), seen[0].if_match.as_deref()), (Some("bytes=0-16777215"), None));
    assert!(seen.iter().skip(1).all(|seen| seen.if_match.as_ref() == Some(&etag)), "{seen:?}");
    let ranges: Vec<_> = seen.iter().filter_map(|seen| seen.range.as_deref()).collect();
    assert!(ranges.contains(&"bytes=16777216-33554431") && ranges.contains(&"bytes=33554432-41943039"), "{ranges:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_beside_the_bytes_that_are_held_waits_for_them() {
    let bench = Bench::new();
    let access = Access::Secret { directory: bench.secret.path().to_owned() };
    let (endpoint, addressing) = (bench.server.endpoint(), Addressing::Path);
    let kind = StorageKind::Oss { endpoint, signature: v4(), addressing, access };
    let settings = Storage { kind, buckets: vec![BUCKET.into()], max_object_bytes: 256 << 20 };
    let store = Store::open(&settings);
    // As many bytes as a worker holds.
    bench.server.put(BUCKET, "all", vec![0; 256 * MIB]);
    let held = store.read(&object("all")).await.unwrap();
    let waiting = tokio::spawn(async move { store.read(&object("a.jpg")).await });
    // Another worker reads the same object a hundred times meanwhile.
    for _ in 0..100 {
        bench.store.read(&object("a.jpg")).await.unwrap();
    }
    assert!(!waiting.is_finished(), "it is admitted when the other is dropped");
    drop(held);
    assert_eq!(waiting.await.unwrap().unwrap(), "12345678");
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_are_never_mixed() {
    let bench = Bench::new();
    let put = || bench.server.put(BUCKET, "large", vec![b'1'; 40 * MIB]);
    // Overwritten under the second part: all of the new version is read.
    put();
    bench.server.world().faults.extend([Fault::Cut(MIB), Fault::Overwrite]);
    let read = bench.store.read(&object("large")).await.unwrap();
    assert!(read.len() == 40 * MIB && read.iter().all(|byte| *byte == b'!'));
    // The event named the first version: nothing is read.
    let etag = Some(put());
    bench.server.world().faults.extend([Fault::Cut(MIB), Fault::Overwrite]);
    let failure = bench.failure(&Object { etag, ..object("large") }).await;
    assert_eq!(failure.reason, FailureReason::ObjectChanged);
    // Overwritten under every reading: that is the store's trouble, and passes.
    put();
    bench.server.world().faults.extend([Fault::Overwrite; 16]);
    let failure = bench.failure(&object("large")).await;
    assert_eq!(failure.reason, FailureReason::StoreUnavailable);
    assert!(failure.message.contains("again and again"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_is_told_by_how_much() {
    for (signature, minutes, words) in
        [(v4(), 20, "1200 s behind the store's"), (OssSignature::V1 {}, -16, "960 s ahead of the store's")]
    {
        let bench = Bench::new();
        bench.server.world().ahead = SignedDuration::from_mins(minutes);
        let store = store(&bench.server.endpoint(), signature, bench.secret.path());
        let failure = store.read(&object("a.jpg")).await.unwrap_err();
        assert_eq!(failure.reason, FailureReason::AccessDenied);
        // A second may pass between the two clocks.
        let near = [0, 1]
            .map(|late| words.replace("1200", &(1_200 - late).to_string()).replace("960", &(960 + late).to_string()));
        assert!(near.iter().any(|words| failure.message.contains(words.as_str())), "{failure}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_rotated_under_a_worker_that_runs() {
    for (id, secret, token) in
        [("LTAIofnobody", SECRET, None), (ACCESS_KEY_ID, "wrong", None), (ACCESS_KEY_ID, SECRET, Some("token"))]
    {
        let bench = Bench::new();
        write_secret(bench.secret.path(), id, secret);
        bench.server.world().token = token.map(str::to_owned);
        let refused = bench.failure(&object("a.jpg")).await;
        assert_eq!(refused.reason, FailureReason::AccessDenied);
        assert!(!refused.message.contains("wrong"), "no secret is printed: {refused}");
        write_secret(bench.secret.path(), ACCESS_KEY_ID, SECRET);
        if let Some(token) = token {
            std::fs::write(bench.secret.path().join("sessionToken"), token).unwrap();
        }
        assert_eq!(bench.store.read(&object("a.jpg")).await.unwrap(), "12345678");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_nobody_is_asked_and_what_was_tried_is_told() {
    let bench = Bench::new();
    std::fs::remove_file(bench.secret.path().join("secretAccessKey")).unwrap();
    let failure = bench.failure(&object("a.jpg")).await;
    assert_eq!(failure.reason, FailureReason::CredentialsUnavailable);
    assert!(failure.message.contains("does the storage Secret have the key secretAccessKey?"), "{failure}");
    assert_eq!(bench.requests(), 0);
}
