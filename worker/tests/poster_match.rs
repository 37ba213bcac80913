//! A poster from the store, photographed: found, told from its sibling; and what has no verdict says why.
#![allow(clippy::unwrap_used, missing_docs)]

use imagejob_protocol::events::Object;
use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::settings::{Action, OnFail, Step, Storage, StorageKind};
use imagejob_truth::camera::{Shot, take};
use imagejob_truth::{Picture, Poster};
use imagejob_worker::pipeline::Pipeline;
use imagejob_worker::steps::Item;
use imagejob_worker::variables::Variables;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::Value;

const SEED: u64 = 5;

fn photograph(name: &str) -> Picture {
    let path = format!("{}/../demo/photos/{name}.jpg", env!("CARGO_MANIFEST_DIR"));
    Picture::of_jpeg(&std::fs::read(path).unwrap())
}

/// A store with the bucket `posters` and the bucket `photos`, in which `sibling.jpg` shows a poster that
/// differs from `p1` in a part.
fn store() -> (tempfile::TempDir, Storage) {
    let folder = tempfile::tempdir().unwrap();
    let art = [photograph("temple"), photograph("coffee"), photograph("flower")];
    let rng = &mut StdRng::seed_from_u64(SEED);
    let poster = Poster::design(SEED, art.len());
    let (sibling, _) = poster.sibling(SEED, art.len());
    let shot = Shot { covered: 0.0, ..Shot::usual(rng) };
    let write = |place: &str, bytes: Vec<u8>| {
        let path = folder.path().join(place);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    write("posters/p1.jpg", poster.draw(&art).to_jpeg(92));
    write("posters/p2.jpg", Poster::design(SEED + 1, art.len()).draw(&art).to_jpeg(92));
    write("posters/plain.jpg", Picture::from_fn(300, 400, |_| [200.0; 3]).to_jpeg(92));
    write("posters/notes.jpg", b"no picture".to_vec());
    write("photos/own.jpg", take(&poster.draw(&art), &art[1], &art[2], &shot, rng).jpeg);
    write("photos/sibling.jpg", take(&sibling.draw(&art), &art[1], &art[2], &shot, rng).jpeg);
    let kind = StorageKind::FileSystem { path: folder.path().to_owned() };
    let buckets = vec!["photos".to_owned(), "posters".to_owned()];
    (folder, Storage { kind, buckets, max_object_bytes: 1 << 24 })
}

async fn pipeline(storage: &Storage) -> Pipeline {
    let action = Action::PosterMatch { reference: "oss://posters/{posterId}.jpg".to_owned() };
    let step = Step { name: "match".to_owned(), on_fail: OnFail::Stop, action };
    Pipeline::of(storage, &[step]).await.unwrap()
}

/// Searches `posters/set.txt`, which lists these.
async fn search(folder: &tempfile::TempDir, storage: &Storage, listed: &[&str]) -> Pipeline {
    let lines: Vec<String> = listed.iter().map(|name| format!("oss://posters/{name}.jpg\n")).collect();
    std::fs::write(folder.path().join("posters/set.txt"), lines.concat()).unwrap();
    let action = Action::PosterSearch { set: "oss://posters/set.txt".to_owned(), top: 2 };
    let step = Step { name: "match".to_owned(), on_fail: OnFail::Stop, action };
    Pipeline::of(storage, &[step]).await.unwrap()
}

async fn compare(pipeline: &Pipeline, photo: &str, poster: Option<&str>) -> Result<Value, FailureReason> {
    let object = Object::new("photos", format!("{photo}.jpg"));
    let variables: Variables = poster.map(|id| ("posterId".to_owned(), id.to_owned())).into_iter().collect();
    let processed = pipeline.process(Item { variables, ..Item::new("id", object) }).await;
    processed.map(|processed| processed.body.steps["match"].clone()).map_err(|failure| failure.reason)
}

#[tokio::test]
async fn the_poster_its_sibling_and_another_one() {
    let (_folder, storage) = store();
    let pipeline = pipeline(&storage).await;
    for (photo, poster, verdict, causes) in
        [("own", "p1", "Match", 0), ("sibling", "p1", "Mismatch", 1), ("own", "p2", "Mismatch", 1)]
    {
        let found = compare(&pipeline, photo, Some(poster)).await.unwrap();
        assert_eq!(found["verdict"], verdict, "{photo} against {poster}: {found}");
        assert_eq!(found["causes"].as_array().unwrap().len(), causes, "{photo} against {poster}: {found}");
        assert_eq!(found["reference"], format!("oss://posters/{poster}.jpg"));
    }
    let found = compare(&pipeline, "own", Some("p1")).await.unwrap();
    assert_eq!(found["corners"].as_array().map(Vec::len), Some(4), "{found}");
}

#[tokio::test]
async fn what_has_no_verdict_says_why() {
    let (_folder, storage) = store();
    let pipeline = pipeline(&storage).await;
    for (poster, reason) in [
        (None, FailureReason::VariableMissing),
        (Some("p9"), FailureReason::ObjectMissing),
        (Some("../photos/own"), FailureReason::PathEscapesStore),
        (Some("plain"), FailureReason::ReferenceUnusable),
        (Some("notes"), FailureReason::ReferenceUnusable),
    ] {
        assert_eq!(compare(&pipeline, "own", poster).await, Err(reason), "{poster:?}");
    }
}

#[tokio::test]
async fn the_poster_is_found_in_a_set_and_its_sibling_is_not_taken_for_it() {
    let (folder, storage) = store();
    let pipeline = search(&folder, &storage, &["p2", "p1"]).await;
    let found = compare(&pipeline, "own", None).await.unwrap();
    assert_eq!((&found["verdict"], &found["reference"]), (&"Match".into(), &"oss://posters/p1.jpg".into()), "{found}");
    let candidates = found["candidates"].as_array().unwrap();
    assert_eq!(candidates.len(), 2, "{found}");
    assert_eq!(candidates[0]["reference"], "oss://posters/p1.jpg");
    assert_eq!(candidates[0]["score"], found["score"]);
    assert_eq!(candidates[1]["verdict"], "Mismatch");
    assert_eq!(found["corners"].as_array().map(Vec::len), Some(4), "{found}");
    assert_eq!(found.get("leftOut"), None, "{found}");
    let found = compare(&pipeline, "sibling", None).await.unwrap();
    assert_eq!((&found["verdict"], &found["causes"][0]), (&"Mismatch".into(), &"Sibling".into()), "{found}");
    let pipeline = search(&folder, &storage, &["p2"]).await;
    let found = compare(&pipeline, "own", None).await.unwrap();
    assert_eq!((&found["verdict"], &found["causes"][0]), (&"Mismatch".into(), &"WrongPoster".into()), "{found}");
}

#[tokio::test]
async fn a_line_that_cannot_be_used_is_named_and_nobody_is_blamed_for_it() {
    let (folder, storage) = store();
    let pipeline = search(&folder, &storage, &["p9", "p1", "plain", "notes", "../photos/own"]).await;
    let found = compare(&pipeline, "own", None).await.unwrap();
    assert_eq!(found["verdict"], "Match", "{found}");
    let left_out: Vec<(&Value, &Value)> =
        found["leftOut"].as_array().unwrap().iter().map(|one| (&one["reference"], &one["reason"])).collect();
    let expected = [
        ("p9", "ObjectMissing"),
        ("plain", "ReferenceUnusable"),
        ("notes", "ReferenceUnusable"),
        ("../photos/own", "PathEscapesStore"),
    ];
    let expected = expected.map(|(name, reason)| (format!("oss://posters/{name}.jpg").into(), reason.into()));
    assert_eq!(left_out, expected.each_ref().map(|(name, reason): &(Value, Value)| (name, reason)), "{found}");
    // The photo may show the one that is missing.
    let pipeline = search(&folder, &storage, &["p9", "p2"]).await;
    let found = compare(&pipeline, "own", None).await.unwrap();
    assert_eq!((&found["verdict"], &found["causes"]), (&"Unsure".into(), &serde_json::json!(["LeftOut"])), "{found}");
}

#[tokio::test]
async fn a_set_without_a_reference_is_a_named_failure() {
    let (folder, storage) = store();
    let many: Vec<String> = (0..1_001).map(|i| format!("p{i}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for listed in [&[][..], &["p9", "plain"], &many] {
        let pipeline = search(&folder, &storage, listed).await;
        // An empty object is one that has no bytes.
        let reason = if listed.is_empty() { FailureReason::EmptyObject } else { FailureReason::ReferenceUnusable };
        assert_eq!(compare(&pipeline, "own", None).await, Err(reason), "{} listed", listed.len());
    }
    std::fs::remove_file(folder.path().join("posters/set.txt")).unwrap();
    let action = Action::PosterSearch { set: "oss://posters/set.txt".to_owned(), top: 1 };
    let step = Step { name: "match".to_owned(), on_fail: OnFail::Stop, action };
    let pipeline = Pipeline::of(&storage, &[step]).await.unwrap();
    assert_eq!(compare(&pipeline, "own", None).await, Err(FailureReason::ObjectMissing));
}
