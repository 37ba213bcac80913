//! What a real model says of a line of text.

use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::settings::Classify;

use super::{direction, direction_of, file, look, pipeline, store};

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
