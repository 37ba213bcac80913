//! What large objects cost a worker in memory, as the kernel counts it for a process that does nothing else.

use std::process::Command;
use std::sync::Arc;

use imagejob_protocol::events::Object;
use imagejob_protocol::settings::{Access, Action, Addressing, OnFail, OssSignature, Step, Storage, StorageKind};
use imagejob_worker::pipeline::Pipeline;
use imagejob_worker::variables::Variables;

use super::BUCKET;
use super::server::{ACCESS_KEY_ID, Oss, REGION, SECRET, write_secret};

const PHOTO: &[u8] = include_bytes!("../../../demo/photos/rocket.jpg");
const MB: usize = 1_000_000;
/// What a worker may need beside the bytes of the objects: parts on their way, one photo in decoding.
const BESIDE_KB: usize = 64 << 10;

/// What the process is told.
const ENDPOINT: &str = "IMAGEJOB_TEST_ENDPOINT";
const CREDENTIALS: &str = "IMAGEJOB_TEST_CREDENTIALS";
const READERS: &str = "IMAGEJOB_TEST_READERS";

#[test]
fn a_worker_holds_the_bytes_that_it_admits_and_little_more() {
    // This test starts itself once more: what it measures has a process of its own.
    if let Ok(endpoint) = std::env::var(ENDPOINT) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        return runtime.block_on(read(endpoint));
    }
    // Readers at once, bytes of the object, and how many of them are admitted together: one of 200 MB; of eight
    // of 64 MB four, as 256 MiB are 268 MB.
    for (readers, bytes, admitted) in [(1, 200 * MB, 1), (8, 64 * MB, 4)] {
        let (server, secret) = (Oss::start(), tempfile::tempdir().unwrap());
        write_secret(secret.path(), ACCESS_KEY_ID, SECRET);
        server.put(BUCKET, "small.jpg", PHOTO);
        let mut large = PHOTO.to_vec();
        large.resize(bytes, 0);
        server.put(BUCKET, "large.jpg", large);
        let process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "large::a_worker_holds_the_bytes_that_it_admits_and_little_more", "--nocapture"])
            .env(ENDPOINT, server.endpoint())
            .env(CREDENTIALS, secret.path())
            .env(READERS, readers.to_string())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&process.stdout);
        assert!(process.status.success(), "{said}{}", String::from_utf8_lossy(&process.stderr));
        let (baseline, peak) = said
            .lines()
            .find_map(|line| line.strip_prefix("KB ")?.split_once(' '))
            .map(|(baseline, peak)| (baseline.parse::<usize>().unwrap(), peak.parse::<usize>().unwrap()))
            .unwrap();
        let held = admitted * bytes / 1_024;
        println!(
            "{readers} x {} MB: {} MiB at rest, {} MiB more at most, of which {} MiB are the objects",
            bytes / MB,
            baseline >> 10,
            (peak - baseline) >> 10,
            held >> 10
        );
        assert!(peak - baseline <= held + BESIDE_KB, "{peak} KB, {baseline} KB before, {held} KB admitted");
        assert!(peak - baseline > held / 2, "what was measured is the reading");
    }
}

/// What the process does: a small photo to be warm, then large ones, and says what it took.
async fn read(endpoint: String) {
    let told = |name: &str| std::env::var(name).unwrap();
    let kind = StorageKind::Oss {
        endpoint,
        signature: OssSignature::V4 { region: REGION.to_owned() },
        addressing: Addressing::Path,
        access: Access::Secret { directory: told(CREDENTIALS).into() },
    };
    let storage = Storage { kind, buckets: vec![BUCKET.to_owned()], max_object_bytes: 200 * MB as u64 };
    let quality = Step { name: "quality".to_owned(), on_fail: OnFail::Stop, action: Action::Quality {} };
    let pipeline = Arc::new(Pipeline::of(&storage, &[quality]).await.unwrap());
    let process = |key: &'static str| {
        let pipeline = Arc::clone(&pipeline);
        async move {
            let object = Object { bucket: BUCKET.to_owned(), key: key.to_owned(), bytes: None, etag: None };
            pipeline.process("id".to_owned(), 1, &object, Variables::default()).await.unwrap()
        }
    };
    process("small.jpg").await;
    let baseline = kilobytes("VmRSS:");
    let readers: Vec<_> = (0..told(READERS).parse().unwrap()).map(|_| tokio::spawn(process("large.jpg"))).collect();
    for reader in readers {
        reader.await.unwrap();
    }
    println!("\nKB {baseline} {}", kilobytes("VmHWM:"));
}

/// One of the kernel's counts of this process.
fn kilobytes(count: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(count)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
