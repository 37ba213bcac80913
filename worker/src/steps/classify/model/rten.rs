//! `rten`: pure Rust, part of the worker, ready in milliseconds.

use std::sync::{Arc, Mutex, PoisonError};

use rten::{Model, ModelOptions, RunOptions, ThreadPool, ValueView};

/// A graph that any number of threads run at once.
pub(super) struct Graph {
    model: Model,
    /// A pool of one thread for each run at a time.
    idle: Mutex<Vec<Arc<ThreadPool>>>,
}

impl Graph {
    pub(super) fn load(bytes: Vec<u8>) -> anyhow::Result<Self> {
        let model = ModelOptions::with_all_ops().prepack_weights(true).load(bytes)?;
        Ok(Self { model, idle: Mutex::default() })
    }

    /// How many inputs and outputs it has.
    pub(super) fn ends(&self) -> (usize, usize) {
        (self.model.input_ids().len(), self.model.output_ids().len())
    }

    /// The first output for the only input; none where that is not of `f32`.
    pub(super) fn run(&self, shape: [usize; 4], numbers: &[f32]) -> anyhow::Result<Option<Vec<f32>>> {
        let photo = ValueView::from_shape(shape, numbers)?;
        let (input, output) = (self.model.input_ids()[0], self.model.output_ids()[0]);
        let pool = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let pool = pool.unwrap_or_else(|| Arc::new(ThreadPool::with_num_threads(1)));
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&pool)));
        let answer = self.model.run_n(vec![(input, photo.into())], [output], Some(options));
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(pool);
        let [answer] = answer?;
        let Some(answer) = answer.into_tensor::<f32>() else { return Ok(None) };
        Ok(Some(answer.into_data()))
    }
}
