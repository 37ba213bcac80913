//! What a large photo costs a worker in memory, as the kernel counts it for a process that does nothing else.

use std::process::Command;

use imagejob_protocol::events::Object;
use imagejob_protocol::settings::{Access, Action, Addressing, OnFail, OssSignature, Step, Storage, StorageKind};
use imagejob_worker::pipeline::Pipeline;
use imagejob_worker::steps::Item;

use super::BUCKET;
use super::server::{ACCESS_KEY_ID, Oss, REGION, SECRET, write_secret};

const PHOTO: &[u8] = include_bytes!("../../../demo/photos/rocket.jpg");
const LARGE: usize = 200_000_000;
/// What a worker may need beside the bytes of the objects: parts on their way, one photo in decoding.
const BESIDE_KB: usize = 64 << 10;

/// What the process is told.
const ENDPOINT: &str = "IMAGEJOB_TEST_ENDPOINT";
const CREDENTIALS: &str = "IMAGEJOB_TEST_CREDENTIALS";

#[test]
fn a_large_photo_takes_its_own_bytes_and_little_more() {
    // This test starts itself once more: what it measures has a process of its own.
    if let Ok(endpoint) = std::env::var(ENDPOINT) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        return runtime.block_on(look(endpoint));
    }
    let (server, secret) = (Oss::start(), tempfile::tempdir().unwrap());
    write_secret(secret.path(), ACCESS_KEY_ID, SECRET);
    server.put(BUCKET, "small.jpg", PHOTO);
    let mut large = PHOTO.to_vec();
    large.resize(LARGE, 0);
    server.put(BUCKET, "large.jpg", large);
    let process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "large::a_large_photo_takes_its_own_bytes_and_little_more", "--nocapture"])
        .env(ENDPOINT, server.endpoint())
        .env(CREDENTIALS, secret.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&process.stdout);
    assert!(process.status.success(), "{said}{}", String::from_utf8_lossy(&process.stderr));
    let (baseline, peak) = said
        .lines()
        .find_map(|line| line.strip_prefix("KB ")?.split_once(' '))
        .map(|(baseline, peak)| (baseline.parse::<usize>().unwrap(), peak.parse::<usize>().unwrap()))
        .unwrap();
    let (more, held) = (peak - baseline, LARGE / 1_024);
    println!(
        "{} MiB at rest, {} MiB more at most, of which {} MiB are the photo",
        baseline >> 10,
        more >> 10,
        held >> 10
    );
    assert!(more <= held + BESIDE_KB, "{peak} KB, {baseline} KB before, {held} KB of the photo");
    assert!(more >= held, "what was measured is the photo, read whole");
}

/// What the process does: it looks at a small photo to be warm, then at a large one, and says what it took.
async fn look(endpoint: String) {
    let kind = StorageKind::Oss {
        endpoint,
        signature: OssSignature::V4 { region: REGION.to_owned() },
        addressing: Addressing::Path,
        access: Access::Secret { directory: std::env::var(CREDENTIALS).unwrap().into() },
    };
    let storage = Storage { kind, buckets: vec![BUCKET.to_owned()], max_object_bytes: LARGE as u64 };
    let quality = Step { name: "quality".to_owned(), on_fail: OnFail::Stop, action: Action::Quality {} };
    let pipeline = Pipeline::of(&storage, &[quality]).await.unwrap();
    let process = async |key: &str| pipeline.process(Item::new("id", Object::new(BUCKET, key))).await.unwrap();
    process("small.jpg").await;
    let baseline = kilobytes("VmRSS:");
    process("large.jpg").await;
    println!("\nKB {baseline} {}", kilobytes("VmHWM:"));
}

/// One of the kernel's counts of this process.
fn kilobytes(count: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(count)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
