//! ONNX Runtime, a shared library that an image may have: looked for when the first job asks for it, and never linked.

use std::env::{self, consts};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use anyhow::anyhow;
use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::TensorRef;

/// A graph that any number of threads run at once.
pub(super) struct Graph {
    bytes: Vec<u8>,
    runtime: Environment,
    /// A session runs for one thread at a time, so there is one for each run at a time, with weights of its own.
    idle: Mutex<Vec<Session>>,
    ends: (usize, usize),
}

/// The library, loaded once for all jobs of the process.
///
/// # Errors
/// That there is none, or one that is too old, with the way out.
pub(super) fn environment() -> anyhow::Result<Environment> {
    static LOADED: Mutex<Option<Environment>> = Mutex::new(None);
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = &*loaded {
        return Ok(environment.clone());
    }
    let library = env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty()).map(PathBuf::from);
    let library = library.unwrap_or_else(|| format!("{}onnxruntime{}", consts::DLL_PREFIX, consts::DLL_SUFFIX).into());
    let found = ort::init_from(&library).map_err(|error| {
        let cause = match error {
            ort::LoadDynamicError::Dlopen { error, .. } => anyhow!(error), // which knows what the loader said
            error => anyhow!(error),
        };
        anyhow!(
            "there is no ONNX Runtime here: {cause:#}; put its library, 1.{} or newer, with what that needs into the \
             worker's image and its path into ORT_DYLIB_PATH, or say classify.runtime: Rten",
            ort::MINOR_VERSION
        )
    })?;
    let environment = flat(found.with_name("imagejob").with_telemetry(false).build())?;
    Ok(loaded.insert(environment).clone())
}

impl Graph {
    pub(super) fn load(bytes: Vec<u8>, runtime: &Environment) -> anyhow::Result<Self> {
        let session = session(&bytes, runtime)?;
        let ends = (session.inputs().len(), session.outputs().len());
        Ok(Self { bytes, runtime: runtime.clone(), idle: Mutex::new(vec![session]), ends })
    }

    /// How many inputs and outputs it has.
    pub(super) fn ends(&self) -> (usize, usize) {
        self.ends
    }

    /// The first output for the only input; none where that is not of `f32`.
    pub(super) fn run(&self, shape: [usize; 4], numbers: &[f32]) -> anyhow::Result<Option<Vec<f32>>> {
        let photo = flat(TensorRef::from_array_view((shape, numbers)))?;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut session = idle.map_or_else(|| session(&self.bytes, &self.runtime), Ok)?;
        let answer = flat(session.run(ort::inputs![photo])).map(|outputs| {
            let numbers = outputs[0].try_extract_tensor::<f32>().ok();
            numbers.map(|(_, numbers)| numbers.to_vec())
        });
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
        answer
    }
}

/// Of one thread, which sleeps when there is nothing to do. What is wrong is returned, so nothing is printed.
fn session(bytes: &[u8], runtime: &Environment) -> anyhow::Result<Session> {
    let builder = flat(Session::builder(runtime))?;
    let builder = flat(builder.with_log_level(LogLevel::Fatal))?;
    let builder = flat(builder.with_optimization_level(GraphOptimizationLevel::All))?;
    let builder = flat(builder.with_inter_threads(1))?;
    let mut builder = flat(builder.with_intra_threads(1))?;
    flat(builder.commit_from_memory(bytes))
}

/// What went wrong on one line, as what it is part of.
fn flat<T, R>(result: Result<T, ort::Error<R>>) -> anyhow::Result<T> {
    result.map_err(|error| anyhow!(error.message().split_whitespace().collect::<Vec<_>>().join(" ")))
}
