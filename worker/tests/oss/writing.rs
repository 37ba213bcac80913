//! Objects that are written: signed with their checksum, sent again where the answer is lost, refused with a reason.

use bytes::Bytes;
use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::settings::OssSignature;
use imagejob_worker::outcome::Failure;
use imagejob_worker::storage::Written;

use super::server::{ACCESS_KEY_ID, Fault, SECRET, write_secret};
use super::{BUCKET, Bench, MIB, object, store, v4};

impl Bench {
    async fn write(&self, key: &str, bytes: &'static str) -> Result<Written, Failure> {
        let written = self.store.write(&object(key), &Bytes::from_static(bytes.as_bytes()), "image/webp").await;
        if let Err(failure) = &written {
            println!("{:22} {}", failure.reason, failure.message);
        }
        written
    }

    fn stored(&self, key: &str) -> (String, String, String) {
        let world = self.server.world();
        let stored = world.object(BUCKET, key).unwrap();
        let text = String::from_utf8(stored.bytes.to_vec()).unwrap();
        (text, stored.content_type.clone(), stored.etag.clone())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_name_is_written_with_either_signature_and_over_what_was_there() {
    let bench = Bench::new();
    for signature in [v4(), OssSignature::V1 {}] {
        let store = store(&bench.server.endpoint(), signature, bench.secret.path());
        for name in ["a.jpg", "作业/作业 1.jpg", "a+b&c=d?e#f%20%.jpg", " a//b ", "~a'(b)*!.jpg", "📷.jpg"] {
            let written = store.write(&object(name), &Bytes::from_static(name.as_bytes()), "image/jpeg").await.unwrap();
            let (text, content_type, etag) = bench.stored(name);
            assert_eq!((text.as_str(), content_type.as_str(), Some(etag)), (name, "image/jpeg", written.etag));
        }
    }
    assert!(bench.server.world().seen.iter().all(|seen| seen.method == "PUT"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_picture_is_one_request() {
    let bench = Bench::new();
    let bytes: Bytes = (0..20 * MIB as u64 / 8).flat_map(u64::to_be_bytes).collect();
    bench.store.write(&object("large"), &bytes, "image/png").await.unwrap();
    assert!(bench.server.world().object(BUCKET, "large").unwrap().bytes == bytes);
    assert_eq!(bench.requests(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_in_a_moment_is_sent_again() {
    let refusals = [408, 429, 500, 502, 503].map(|status| Fault::Refuse(status, "Busy"));
    let faults = [Fault::HangUp, Fault::Refuse(409, "OperationAborted")];
    for fault in refusals.into_iter().chain(faults) {
        let bench = Bench::new();
        bench.server.world().faults.push_back(fault);
        let written = bench.write("b.webp", "picture").await.unwrap();
        assert_eq!(bench.stored("b.webp"), ("picture".into(), "image/webp".into(), written.etag.unwrap()), "{fault:?}");
        assert_eq!(bench.requests(), 2, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_of_a_write_has_a_reason_and_a_way_out() {
    use FailureReason as R;
    use Fault::{Damage, HangUp, Redirect, Refuse};
    // What happens to each request, how many are made of it, and what becomes of the record.
    let table = [
        (Refuse(403, "AccessDenied"), 1, R::AccessDenied, "does not let us write photos/b.webp"),
        (Refuse(403, "AccessDenied"), 1, R::AccessDenied, "allow the key to write the bucket"),
        (Refuse(403, "SignatureDoesNotMatch"), 1, R::AccessDenied, "check secretAccessKey and storage.region"),
        (Refuse(403, "RequestTimeTooSkewed"), 1, R::AccessDenied, "set the clock of this machine"),
        (Refuse(404, "NoSuchBucket"), 1, R::BucketMissing, "there is no bucket \"photos\""),
        (Refuse(404, "NotFound"), 3, R::BucketMissing, "as if there were no bucket \"photos\""),
        (Refuse(409, "FileAlreadyExists"), 1, R::OverwriteRefused, "keeps what is at photos/b.webp already"),
        (Refuse(409, "FileImmutable"), 1, R::OverwriteRefused, "give the step's output another key"),
        (Refuse(412, "PreconditionFailed"), 1, R::OverwriteRefused, "PreconditionFailed"),
        (Refuse(400, "InvalidArgument"), 1, R::StoreUnavailable, "check storage.endpoint"),
        (Damage, 1, R::StoreUnavailable, "InvalidDigest"),
        (Refuse(429, "QpsLimitExceeded"), 3, R::StoreUnavailable, "ask the store less"),
        (Refuse(503, "ServiceUnavailable"), 3, R::StoreUnavailable, "could not be written to http://127.0.0.1"),
        (HangUp, 3, R::StoreUnavailable, "could not be written to http://127.0.0.1"),
        (
            Redirect,
            1,
            R::StoreUnavailable,
            "redirects to http://127.0.0.1:1/secret (status 307), which is not followed",
        ),
    ];
    for (fault, requests, reason, words) in table {
        let bench = Bench::new();
        bench.server.world().faults.extend([fault; 3].into_iter().take(requests));
        let failure = bench.write("b.webp", "picture").await.unwrap_err();
        assert_eq!((failure.reason, bench.requests()), (reason, requests), "{fault:?}: {failure}");
        assert!(failure.message.contains(words), "{fault:?}: {failure}");
        assert!(bench.write("c.webp", "neighbour").await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_not_there_or_not_listed_is_told() {
    let bench = Bench::new();
    let bytes = Bytes::from_static(b"picture");
    for (bucket, reason, requests) in
        [("secrets", FailureReason::BucketNotListed, 0), ("gone", FailureReason::BucketMissing, 1)]
    {
        let place = imagejob_protocol::events::Object::new(bucket, "a.jpg");
        let failure = bench.store.write(&place, &bytes, "image/jpeg").await.unwrap_err();
        assert_eq!((failure.reason, bench.requests()), (reason, requests), "{failure}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_rotated_between_two_writes() {
    let bench = Bench::new();
    write_secret(bench.secret.path(), ACCESS_KEY_ID, "wrong");
    let refused = bench.write("a.webp", "picture").await.unwrap_err();
    assert_eq!(refused.reason, FailureReason::AccessDenied);
    write_secret(bench.secret.path(), ACCESS_KEY_ID, SECRET);
    assert!(bench.write("a.webp", "picture").await.is_ok());
}
