//! A page from the store, filled in and photographed: its regions are read; and what has no verdict says why.
#![allow(clippy::unwrap_used, missing_docs)]

use imagejob_protocol::events::Object;
use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::settings::{Action, OnFail, Step, Storage, StorageKind};
use imagejob_truth::camera::{Shot, take};
use imagejob_truth::page::Answer;
use imagejob_truth::{Page, Picture};
use imagejob_worker::pipeline::Pipeline;
use imagejob_worker::steps::Item;
use imagejob_worker::variables::Variables;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};

const SEED: u64 = 5;

/// A store in which `photos/half.jpg` shows page `p1` with every other region written in.
fn store() -> (tempfile::TempDir, Storage) {
    let folder = tempfile::tempdir().unwrap();
    let coffee = format!("{}/../demo/photos/coffee.jpg", env!("CARGO_MANIFEST_DIR"));
    let table = Picture::of_jpeg(&std::fs::read(coffee).unwrap());
    let rng = &mut StdRng::seed_from_u64(SEED);
    let page = Page::design(SEED);
    let places = page.places();
    let write = |place: &str, bytes: Vec<u8>| {
        let path = folder.path().join(place);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    let region = |(i, [x, y, width, height]): (usize, &[u32; 4])| json!({"name": format!("answer {i}"), "x": x, "y": y, "width": width, "height": height});
    let regions: Vec<Value> = places.iter().enumerate().map(region).collect();
    write("pages/p1.jpg", page.blank().to_jpeg(95));
    write("pages/p1.json", serde_json::to_vec(&regions).unwrap());
    write("pages/odd.jpg", page.blank().to_jpeg(95));
    write("pages/odd.json", br#"[{"name": "a", "x": 990, "y": 0, "width": 20, "height": 20}]"#.to_vec());
    write("pages/text.jpg", page.blank().to_jpeg(95));
    write("pages/text.json", b"regions".to_vec());
    let answers: Vec<Answer> = [Answer::Pen, Answer::Empty].into_iter().cycle().take(places.len()).collect();
    let sheet = page.filled(&answers, rng);
    write("photos/half.jpg", take(&sheet, &table, &table, &Shot::of_a_page(rng), rng).jpeg);
    let kind = StorageKind::FileSystem { path: folder.path().to_owned() };
    let buckets = vec!["photos".to_owned(), "pages".to_owned()];
    (folder, Storage { kind, buckets, max_object_bytes: 1 << 24 })
}

async fn read(storage: &Storage, page: &str) -> Result<Value, FailureReason> {
    let pattern = |extension| format!("oss://pages/{{pageId}}.{extension}");
    let action = Action::Homework { template: pattern("jpg"), regions: pattern("json") };
    let step = Step { name: "page".to_owned(), on_fail: OnFail::Stop, action };
    let pipeline = Pipeline::of(storage, &[step]).await.unwrap();
    let object = Object::new("photos", "half.jpg");
    let variables: Variables = [("pageId".to_owned(), page.to_owned())].into_iter().collect();
    let processed = pipeline.process(Item { variables, ..Item::new("id", object) }).await;
    processed.map(|processed| processed.body.steps["page"].clone()).map_err(|failure| failure.reason)
}

#[tokio::test]
async fn each_region_is_named_and_read() {
    let (_folder, storage) = store();
    let found = read(&storage, "p1").await.unwrap();
    assert_eq!(found["verdict"], "Partial", "{found}");
    let regions = found["regions"].as_array().unwrap();
    for (i, region) in regions.iter().enumerate() {
        let mark = if i % 2 == 0 { "Answered" } else { "Empty" };
        assert_eq!(*region, json!({"name": format!("answer {i}"), "mark": mark}), "{found}");
    }
    let share = regions.len().div_ceil(2) as f64 / regions.len() as f64;
    assert!((found["fraction"].as_f64().unwrap() - share).abs() < 1e-3, "{found}");
}

#[tokio::test]
async fn a_page_that_cannot_be_used_says_so() {
    let (_folder, storage) = store();
    for (page, reason) in [
        ("odd", FailureReason::ReferenceUnusable),
        ("text", FailureReason::ReferenceUnusable),
        ("none", FailureReason::ObjectMissing),
    ] {
        assert_eq!(read(&storage, page).await, Err(reason), "{page}");
    }
}
