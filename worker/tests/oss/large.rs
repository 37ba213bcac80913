//! What a large photo costs a worker in memory, as the kernel counts it for a process that does nothing else.

use std::path::Path;
use std::process::Command;

use imagejob_protocol::events::Object;
use imagejob_protocol::settings::{Access, Action, Addressing, OnFail, OssSignature, Step, Storage, StorageKind};
use imagejob_vision::Format;
use imagejob_vision::picture::{Channels, Encoding, Picture, encode};
use imagejob_worker::pipeline::Pipeline;
use imagejob_worker::steps::Item;
use rand::{RngCore as _, SeedableRng as _};

use super::BUCKET;
use super::server::{ACCESS_KEY_ID, Oss, REGION, SECRET, write_secret};

const SMALL: &[u8] = include_bytes!("../../../demo/photos/rocket.jpg");
/// As large as photos come: the widest that is decoded at all.
const SIDE: u32 = 16_384;
const LARGE: usize = 200_000_000;
/// What a worker may need beside what it has at rest: chunks on their way, an eighth of the photo.
const MORE_KB: usize = 64 << 10;

/// What the process is told.
const ENDPOINT: &str = "IMAGEJOB_TEST_ENDPOINT";
const CREDENTIALS: &str = "IMAGEJOB_TEST_CREDENTIALS";

#[test]
fn a_photo_of_200_mb_takes_64_at_most() {
    // This test starts itself once more: what it measures has a process of its own.
    if let Ok(endpoint) = std::env::var(ENDPOINT) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        return runtime.block_on(look(endpoint));
    }
    let (server, secret) = (Oss::start(), tempfile::tempdir().unwrap());
    write_secret(secret.path(), ACCESS_KEY_ID, SECRET);
    server.put(BUCKET, "small.jpg", SMALL);
    let large = photo();
    assert!(large.len() >= LARGE, "{} bytes", large.len());
    let megabytes = large.len() / 1_000_000;
    server.put(BUCKET, "large.jpg", large);
    let look = |temporary: &Path| {
        let process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "large::a_photo_of_200_mb_takes_64_at_most", "--nocapture"])
            .env(ENDPOINT, server.endpoint())
            .env(CREDENTIALS, secret.path())
            .env("TMPDIR", temporary)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&process.stdout);
        assert!(process.status.success(), "{said}{}", String::from_utf8_lossy(&process.stderr));
        let counts = said.lines().find_map(|line| line.strip_prefix("KB ")?.split_once(' ')).unwrap();
        let [baseline, peak] = [counts.0, counts.1].map(|count| count.parse::<usize>().unwrap());
        println!("{} MiB at rest, {} more for {megabytes} MB", baseline >> 10, (peak - baseline) >> 10);
        peak - baseline
    };
    let more = look(&std::env::temp_dir());
    assert!(more <= MORE_KB, "{more} KB");
    let without = look(&secret.path().join("nowhere"));
    assert!(without >= LARGE / 1_024, "{without} KB: without a place for temporary files it is held in memory");
}

/// Noise, which no codec makes much smaller: a band of it again and again.
fn photo() -> Vec<u8> {
    const BAND: u32 = 64;
    let mut band = vec![0; (SIDE * BAND * 3) as usize];
    rand::rngs::StdRng::seed_from_u64(1).fill_bytes(&mut band);
    let picture = Picture::new(SIDE, SIDE, Channels::Rgb, band.repeat((SIDE / BAND) as usize)).unwrap();
    encode(picture, Encoding { format: Format::Jpeg, quality: 85 }).unwrap()
}

/// What the process does: it looks at a small photo to be warm, then at a large one, and says what it took.
async fn look(endpoint: String) {
    let kind = StorageKind::Oss {
        endpoint,
        signature: OssSignature::V4 { region: REGION.to_owned() },
        addressing: Addressing::Path,
        access: Access::Secret { directory: std::env::var(CREDENTIALS).unwrap().into() },
    };
    let storage = Storage { kind, buckets: vec![BUCKET.to_owned()], max_object_bytes: 2 * LARGE as u64 };
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
