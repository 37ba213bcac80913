//! The graph itself, run by `rten`: pure Rust, ready in milliseconds.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, ensure};
use imagejob_protocol::settings::{Classify as Settings, TensorLayout};
use rten::{ModelOptions, RunOptions, ThreadPool, ValueView};

use super::input;

/// A loaded graph that gives one number for each label.
pub(super) struct Model {
    graph: rten::Model,
    shape: [usize; 4],
    /// Photos are spread over cores, not the parts of one: a pool of one thread for each that is looked at now.
    idle: Mutex<Vec<Arc<ThreadPool>>>,
}

impl Model {
    /// Reads a graph and tries it, so that what fits no photo is known before there is one.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence that begins with its name.
    pub(super) fn load(bytes: Vec<u8>, settings: &Settings) -> anyhow::Result<Self> {
        let graph = ModelOptions::with_all_ops().prepack_weights(true).load(bytes);
        let graph = graph.context("is no ONNX graph that can be run")?;
        let (inputs, outputs) = (graph.input_ids().len(), graph.output_ids().len());
        ensure!(
            inputs == 1 && outputs >= 1,
            "has {inputs} inputs and {outputs} outputs; a classifier has one input, and its first output counts"
        );
        let (width, height) = (settings.input.width as usize, settings.input.height as usize);
        let shape = match settings.input.layout {
            TensorLayout::Nchw => [1, 3, height, width],
            TensorLayout::Nhwc => [1, height, width, 3],
        };
        let model = Self { graph, shape, idle: Mutex::default() };
        let (answers, labels) = (model.run(&vec![0.0; input::length(&settings.input)])?.len(), settings.labels.len());
        ensure!(answers == labels, "gives {answers} numbers for a photo, but classify.labels has {labels}");
        Ok(model)
    }

    /// What the graph says of these numbers.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub(super) fn run(&self, numbers: &[f32]) -> anyhow::Result<Vec<f32>> {
        let pool = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let pool = pool.unwrap_or_else(|| Arc::new(ThreadPool::with_num_threads(1)));
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&pool)));
        let photo = ValueView::from_shape(self.shape, numbers)?;
        let (input, output) = (self.graph.input_ids()[0], self.graph.output_ids()[0]);
        let answer = self.graph.run_n(vec![(input, photo.into())], [output], Some(options));
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(pool);
        let [answer] = answer.with_context(|| format!("cannot be run on an input of {:?}", self.shape))?;
        let answer = answer.into_tensor::<f32>().context("does not answer in 32-bit floating-point numbers")?;
        let answer = answer.into_data();
        ensure!(answer.iter().all(|number| number.is_finite()), "gives a number that is not finite");
        Ok(answer)
    }
}
