//! A real model looks at a line of text, upright and upside down; and a model that cannot be used fails the photos
//! that come to it, each with the reason, and no others.
#![allow(clippy::unwrap_used, missing_docs)]

mod onnx_runtime;
mod unusable;
mod verdicts;

use imagejob_protocol::events::Object;
use imagejob_protocol::settings::{
    Action, ChannelOrder, Classify, ModelFit, ModelInput, ModelRuntime, OnFail, Step, Storage, StorageKind,
    TensorLayout,
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
        ("models/whole-numbers.onnx", file("whole-numbers.onnx")),
        ("models/not-finite.onnx", file("not-finite.onnx")),
        ("models/two-inputs.onnx", file("two-inputs.onnx")),
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
        runtime: ModelRuntime::Rten,
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
