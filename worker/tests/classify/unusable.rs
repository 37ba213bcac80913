//! Models that cannot be used.

use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::settings::{Classify, ModelInput, ModelRuntime, TensorLayout};

use super::{direction, look, pipeline, store};

#[tokio::test]
async fn a_model_that_cannot_be_used_fails_what_comes_to_it_with_the_reason() {
    refused_by(ModelRuntime::Rten).await;
}

/// Whatever runs it, it is refused for the same reason and with the same words.
pub(crate) async fn refused_by(runtime: ModelRuntime) {
    use FailureReason::{ModelChanged, ModelMissing, ModelUnusable};
    let (folder, storage) = store();
    let direction = || Classify { runtime, ..direction() };
    let input = direction().input;
    let small = |name: &str, sha256: &str| Classify {
        model: format!("oss://models/{name}.onnx"),
        sha256: sha256.to_owned(),
        labels: ["one", "two", "three"].map(str::to_owned).to_vec(),
        ..direction()
    };
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
        (
            small("whole-numbers", "e6e3187951609325a4e559d8febe34ef0d0ec821db7a86002a8f6cff1d8d3bc8"),
            ModelUnusable,
            "does not answer in 32-bit floating-point numbers",
        ),
        (
            small("not-finite", "07fe3134bb49d62bcc129d86abc5084f6968bbb3eb13e27f5e10dee49bba9abc"),
            ModelUnusable,
            "gives a number that is not finite",
        ),
        (
            small("two-inputs", "9e6fa1e57c68d2ca798c946b9792c7af42e2b81427c633c14ed5c027489e6b32"),
            ModelUnusable,
            "has 2 inputs and 1 outputs; a classifier has one input, and its first output counts",
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
