//! The graph itself: what any runtime must say of it before a photo comes, and what it says of one.

mod onnx_runtime;
mod rten;

use anyhow::{Context as _, ensure};
use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::settings::{Classify as Settings, ModelRuntime, TensorLayout};
use imagejob_vision::Colour;

use super::input::Input;
use crate::outcome::Failure;

/// A loaded graph that gives one number for each label.
pub(super) struct Model {
    uri: String,
    graph: Graph,
    input: Input,
    shape: [usize; 4],
}

/// A graph in the runtime that the job asks for. Photos are spread over cores, not the parts of one: each runs in one
/// thread.
enum Graph {
    Rten(Box<rten::Graph>),
    OnnxRuntime(onnx_runtime::Graph),
}

impl Model {
    /// Reads a graph and tries it, so that what fits no photo is known before there is one.
    ///
    /// # Errors
    /// `ModelUnusable`, which the same bytes are for ever, and `RuntimeMissing`.
    pub(super) fn load(bytes: Vec<u8>, settings: &Settings) -> Result<Self, Failure> {
        let graph = match settings.runtime {
            ModelRuntime::Rten => rten::Graph::load(bytes).map(|graph| Graph::Rten(Box::new(graph))),
            ModelRuntime::OnnxRuntime => {
                let missing = |error| Failure::new(FailureReason::RuntimeMissing, format!("{error:#}"));
                let runtime = onnx_runtime::environment().map_err(missing)?;
                onnx_runtime::Graph::load(bytes, &runtime).map(Graph::OnnxRuntime)
            }
        };
        let graph = graph.context("is no ONNX graph that can be run");
        graph.and_then(|graph| Self::tried(graph, settings)).map_err(|error| unusable(&settings.model, &error))
    }

    fn tried(graph: Graph, settings: &Settings) -> anyhow::Result<Self> {
        let (inputs, outputs) = match &graph {
            Graph::Rten(graph) => graph.ends(),
            Graph::OnnxRuntime(graph) => graph.ends(),
        };
        ensure!(
            inputs == 1 && outputs >= 1,
            "has {inputs} inputs and {outputs} outputs; a classifier has one input, and its first output counts"
        );
        let (width, height) = (settings.input.width as usize, settings.input.height as usize);
        let shape = match settings.input.layout {
            TensorLayout::Nchw => [1, 3, height, width],
            TensorLayout::Nhwc => [1, height, width, 3],
        };
        let model = Self { uri: settings.model.clone(), graph, input: Input::new(&settings.input), shape };
        let black = vec![0.0; shape.iter().product()];
        let (answers, labels) = (model.answer(&black)?.len(), settings.labels.len());
        ensure!(answers == labels, "gives {answers} numbers for a photo, but classify.labels has {labels}");
        Ok(model)
    }

    /// What the graph says of a photo.
    ///
    /// # Errors
    /// `ModelUnusable`.
    pub(super) fn run(&self, photo: &Colour) -> Result<Vec<f32>, Failure> {
        self.answer(&self.input.of(photo)).map_err(|error| unusable(&self.uri, &error))
    }

    fn answer(&self, numbers: &[f32]) -> anyhow::Result<Vec<f32>> {
        let answer = match &self.graph {
            Graph::Rten(graph) => graph.run(self.shape, numbers),
            Graph::OnnxRuntime(graph) => graph.run(self.shape, numbers),
        };
        let answer = answer.with_context(|| format!("cannot be run on an input of {:?}", self.shape))?;
        let answer = answer.context("does not answer in 32-bit floating-point numbers")?;
        ensure!(answer.iter().all(|number| number.is_finite()), "gives a number that is not finite");
        Ok(answer)
    }
}

fn unusable(uri: &str, error: &anyhow::Error) -> Failure {
    Failure::new(FailureReason::ModelUnusable, format!("model {uri} {error:#}"))
}
