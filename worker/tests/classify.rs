//! A real model looks at a line of text, upright and upside down; and a model that cannot be used fails the photos
//! that come to it, each with the reason, and no others.
#![allow(clippy::unwrap_used, missing_docs)]

use imagejob_protocol::events::Object;
use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::settings::{
    Action, ChannelOrder, Classify, ModelFit, ModelInput, OnFail, Step, Storage, StorageKind, TensorLayout,
};
use imagejob_worker::outcome::Failure;
use imagejob_worker::pipeline::Pipeline;
use imagejob_worker::steps::Item;
use serde_json::Value;

const SHA256: &str = "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c";

fn file(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/models/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The same JPEG, held upside down by a camera that says so (EXIF orientation 3).
fn upside_down(jpeg: &[u8]) -> Vec<u8> {
    let tiff = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x03\0\0\0\0\0\0\0";
    let payload = [&b"Exif\0\0"[..], tiff].concat();
    let length = (payload.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], &[0xFF, 0xE1], &length, &payload, &jpeg[2..]].concat()
}

fn store() -> (tempfile::TempDir, Storage) {
    let folder = tempfile::tempdir().unwrap();
    for (place, bytes) in [
        ("photos/line.jpg", file("line.jpg")),
        ("photos/line-turned.jpg", upside_down(&file("line.jpg"))),
        ("photos/margins.jpg", file("margins.jpg")),
        ("photos/margins-turned.jpg", upside_down(&file("margins.jpg"))),
        ("models/direction.onnx", file("text-direction.onnx")),
        ("photos/tiny.jpg", file("../../vision/tests/images/baseline.jpg")),
        ("models/notes.onnx", b"no graph".to_vec()),
        ("models/empty.onnx", Vec::new()),
    ] {
        let path = folder.path().join(place);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let kind = StorageKind::FileSystem { path: folder.path().to_owned() };
    (folder, Storage { kind, buckets: vec!["photos".to_owned(), "models".to_owned()], max_object_bytes: 1 << 24 })
}

fn direction() -> Classify {
    let input = ModelInput {
        width: 192,
        height: 48,
        layout: TensorLayout::Nchw,
        channels: ChannelOrder::Bgr,
        fit: ModelFit::Stretch,
        mean_per_mille: [500; 3],
        deviation_per_mille: [500; 3],
        scale: 1,
    };
    Classify {
        model: "oss://models/direction.onnx".to_owned(),
        sha256: SHA256.to_owned(),
        labels: vec!["upright".to_owned(), "turned".to_owned()],
        input,
        top: 2,
        min_percent: 80,
    }
}

async fn pipeline(storage: &Storage, classify: Classify) -> Pipeline {
    let step = |name: &str, on_fail, action| Step { name: name.to_owned(), on_fail, action };
    let steps = [
        step("quality", OnFail::Stop, Action::Quality {}),
        step("direction", OnFail::Stop, Action::Classify(classify)),
    ];
    let pipeline = Pipeline::of(storage, &steps).await.unwrap();
    pipeline.ready().await;
    pipeline
}

async fn look(pipeline: &Pipeline, photo: &str) -> Result<Value, Failure> {
    let processed = pipeline.process(Item::new("id", Object::new("photos", photo))).await?;
    Ok(processed.body.steps.into())
}

async fn direction_of(pipeline: &Pipeline, photo: &str) -> Value {
    look(pipeline, photo).await.unwrap()["direction"].clone()
}

/// The shares of `turned` are those of ONNX Runtime 1.31 on what Pillow's bilinear filter, which is torchvision's, makes
/// of the same photos. A level more or less here and there is worth half a hundredth where the model is in doubt.
#[tokio::test]
async fn a_line_of_text_is_upright_or_turned_as_onnx_runtime_says_too() {
    let (_folder, storage) = store();
    let pipeline = pipeline(&storage, direction()).await;
    for (photo, verdict, turned) in [
        ("line.jpg", "upright", 0.0),
        ("line-turned.jpg", "turned", 1.0),
        ("margins.jpg", "Unsure", 0.427),
        ("margins-turned.jpg", "turned", 0.998),
    ] {
        let found = direction_of(&pipeline, photo).await;
        println!("{photo}: {found}");
        assert_eq!(found["verdict"], verdict, "{photo}: {found}");
        let labels = found["labels"].as_array().unwrap();
        let share = labels.iter().find(|entry| entry["label"] == "turned").unwrap()["score"].as_f64().unwrap();
        assert!((share - turned).abs() <= 0.01, "{photo}: {found}, but ONNX Runtime says {turned}");
        assert_eq!((labels.len(), &labels[0]["score"]), (2, &found["score"]), "{photo}: {found}");
    }
}

#[tokio::test]
async fn a_model_in_a_file_says_the_same() {
    let (folder, storage) = store();
    let path = folder.path().join("models/direction.onnx");
    let mounted = Classify { model: format!("file://{}", path.display()), ..direction() };
    let (stored, mounted) = (pipeline(&storage, direction()).await, pipeline(&storage, mounted).await);
    assert_eq!(direction_of(&stored, "line.jpg").await, direction_of(&mounted, "line.jpg").await);
}

#[tokio::test]
async fn photos_are_looked_at_side_by_side_and_alike() {
    let (_folder, storage) = store();
    let pipeline = pipeline(&storage, direction()).await;
    let alone = direction_of(&pipeline, "line.jpg").await;
    let together = futures::future::join_all((0..8).map(|_| direction_of(&pipeline, "line.jpg"))).await;
    assert!(together.iter().all(|found| *found == alone), "{alone} alone, but together {together:?}");
}

#[tokio::test]
async fn a_model_that_cannot_be_used_fails_what_comes_to_it_with_the_reason() {
    use FailureReason::{ModelChanged, ModelMissing, ModelUnusable};
    let (folder, storage) = store();
    let input = direction().input;
    let notes = "3dedef457e43526d4d19c81bef4756864daf4602ab8df76e4e7e71caf0137661".to_owned();
    for (classify, reason, sentence) in [
        (Classify { model: "oss://models/none.onnx".to_owned(), ..direction() }, ModelMissing, "there is no object"),
        (Classify { model: "file:///none.onnx".to_owned(), ..direction() }, ModelMissing, "is its volume mounted"),
        (
            Classify { model: format!("file://{}", folder.path().display()), ..direction() },
            ModelUnusable,
            "cannot be read",
        ),
        (Classify { sha256: "0".repeat(64), ..direction() }, ModelChanged, "has the sha256 e47acedf"),
        (Classify { model: "oss://models/empty.onnx".to_owned(), ..direction() }, ModelChanged, "has no bytes"),
        (
            Classify { model: "oss://models/notes.onnx".to_owned(), sha256: notes, ..direction() },
            ModelUnusable,
            "is no ONNX graph that can be run",
        ),
        (
            Classify { labels: vec!["one".to_owned()], ..direction() },
            ModelUnusable,
            "gives 2 numbers for a photo, but classify.labels has 1",
        ),
        (
            Classify { input: ModelInput { layout: TensorLayout::Nhwc, ..input.clone() }, ..direction() },
            ModelUnusable,
            "cannot be run on an input of [1, 48, 192, 3]",
        ),
    ] {
        let pipeline = pipeline(&storage, classify).await;
        let failure = look(&pipeline, "line.jpg").await.unwrap_err();
        assert_eq!(failure.reason, reason, "{failure}");
        assert!(failure.message.starts_with("model "), "{failure}");
        assert!(failure.message.contains(sentence), "{failure} does not say {sentence:?}");
        let neighbour = look(&pipeline, "tiny.jpg").await.unwrap();
        assert_eq!(neighbour["quality"]["verdict"], "TooSmall", "stopped before the model: {neighbour}");
    }
}

#[tokio::test]
async fn another_attempt_finds_a_model_that_was_put_right() {
    let (folder, storage) = store();
    let place = folder.path().join("models/late.onnx");
    let late = Classify { model: "oss://models/late.onnx".to_owned(), ..direction() };
    let pipeline = pipeline(&storage, late).await;
    assert_eq!(look(&pipeline, "line.jpg").await.unwrap_err().reason, FailureReason::ModelMissing);
    std::fs::write(&place, "half of it").unwrap();
    assert_eq!(look(&pipeline, "line.jpg").await.unwrap_err().reason, FailureReason::ModelChanged);
    std::fs::write(&place, file("text-direction.onnx")).unwrap();
    assert_eq!(direction_of(&pipeline, "line.jpg").await["verdict"], "upright");
    std::fs::remove_file(&place).unwrap();
    assert_eq!(direction_of(&pipeline, "line-turned.jpg").await["verdict"], "turned", "it is kept");
}
