//! The same with ONNX Runtime. Which library a process has is settled when it starts, so each test runs itself again, in
//! a process of its own.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::settings::{Classify, ModelRuntime};
use imagejob_worker::pipeline::Pipeline;
use serde_json::Value;

use super::{direction, direction_of, look, pipeline, store, unusable};

/// The version that the bench measures.
const REQUIREMENTS: &str = include_str!("../../../e2e/benches/figures/classify/requirements.txt");
/// What a process that a test started has, besides `ORT_DYLIB_PATH`: the place of a library.
const LIBRARY: &str = "IMAGEJOB_TEST_ONNX_RUNTIME";

#[tokio::test]
async fn onnx_runtime_is_loaded_on_demand_and_says_what_rten_says() {
    if let Some(library) = std::env::var_os(LIBRARY) {
        return on_demand_and_alike(library.into()).await;
    }
    let Some(library) = library() else {
        // Not by println, which the harness keeps to itself.
        writeln!(std::io::stderr(), "SKIPPED: ONNX Runtime, as python3 with venv, or PyPI, is not to be had").unwrap();
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let later = folder.path().join("later.so");
    run("onnx_runtime_is_loaded_on_demand_and_says_what_rten_says", &later, &library);
}

async fn on_demand_and_alike(library: PathBuf) {
    let (_folder, storage) = store();
    let rten = pipeline(&storage, direction()).await;
    direction_of(&rten, "line.jpg").await;
    let onnx_runtime = pipeline(&storage, by_onnx_runtime()).await;
    assert_eq!(look(&onnx_runtime, "line.jpg").await.unwrap_err().reason, FailureReason::RuntimeMissing);
    // Another attempt finds a library that was put there.
    std::os::unix::fs::symlink(&library, std::env::var_os("ORT_DYLIB_PATH").unwrap()).unwrap();
    for photo in ["line.jpg", "line-turned.jpg", "margins.jpg", "margins-turned.jpg"] {
        let (ours, theirs) = (direction_of(&rten, photo).await, direction_of(&onnx_runtime, photo).await);
        println!("{photo}: rten {ours}, ONNX Runtime {theirs}");
        assert_eq!(ours["verdict"], theirs["verdict"], "{photo}");
        let apart = (turned(&ours) - turned(&theirs)).abs();
        assert!(apart <= 0.004, "{photo}: {ours} by rten, {theirs} by ONNX Runtime");
    }
    side_by_side(&onnx_runtime).await;
    unusable::refused_by(ModelRuntime::OnnxRuntime).await;
}

async fn side_by_side(pipeline: &Pipeline) {
    let alone = direction_of(pipeline, "margins.jpg").await;
    let together = futures::future::join_all((0..8).map(|_| direction_of(pipeline, "margins.jpg"))).await;
    assert!(together.iter().all(|found| *found == alone), "{alone} alone, but together {together:?}");
}

#[tokio::test]
async fn a_library_that_is_missing_or_too_old_is_a_reason_with_the_way_out() {
    if std::env::var_os(LIBRARY).is_some() {
        return refused().await;
    }
    let folder = tempfile::tempdir().unwrap();
    let [none, text, old] = ["none.so", "text.so", "old.so"].map(|name| folder.path().join(name));
    fs::write(&text, "no library").unwrap();
    older_than_any_that_will_do(&old);
    for (library, sentence) in [
        (&none, "none.so: cannot open shared object file"),
        (&text, "text.so: file too short"),
        (&old, "expected version >= '1.17.x', but got '1.16.3'"),
    ] {
        let said = run("a_library_that_is_missing_or_too_old_is_a_reason_with_the_way_out", library, library);
        for part in ["RuntimeMissing", sentence, "ORT_DYLIB_PATH", "classify.runtime: Rten"] {
            assert!(said.contains(part), "{said} does not say {part}");
        }
    }
}

async fn refused() {
    let (_folder, storage) = store();
    let onnx_runtime = pipeline(&storage, by_onnx_runtime()).await;
    let failure = look(&onnx_runtime, "line.jpg").await.unwrap_err();
    println!("{}: {}", failure.reason, failure.message);
    let neighbour = look(&onnx_runtime, "tiny.jpg").await.unwrap();
    assert_eq!(neighbour["quality"]["verdict"], "TooSmall", "stopped before the model: {neighbour}");
    let rten = pipeline(&storage, direction()).await;
    assert_eq!(direction_of(&rten, "line.jpg").await["verdict"], "upright", "jobs that do without do not notice");
}

fn by_onnx_runtime() -> Classify {
    Classify { runtime: ModelRuntime::OnnxRuntime, ..direction() }
}

fn turned(found: &Value) -> f64 {
    let labels = found["labels"].as_array().unwrap();
    labels.iter().find(|entry| entry["label"] == "turned").unwrap()["score"].as_f64().unwrap()
}

/// What a test of this file says in a process where ONNX Runtime is looked for at `path`.
fn run(test: &str, path: &Path, library: &Path) -> String {
    let mut process = Command::new(std::env::current_exe().unwrap());
    process.args(["--exact", &format!("onnx_runtime::{test}"), "--nocapture"]);
    let output = process.env("ORT_DYLIB_PATH", path).env(LIBRARY, library).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    println!("{said}");
    assert!(output.status.success() && said.contains("1 passed"), "{test} failed with {}", path.display());
    said
}

/// The library in the wheel from PyPI, fetched once into what `cargo clean` removes.
fn library() -> Option<PathBuf> {
    let wanted = REQUIREMENTS.lines().find(|line| line.starts_with("onnxruntime==")).unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(wanted.replace("==", "-"));
    let capi = folder.join("wheel/onnxruntime/capi");
    let find = || {
        let files = fs::read_dir(&capi).ok()?.filter_map(|file| Some(file.ok()?.path()));
        let is_library = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            name.starts_with("libonnxruntime.so") || name.starts_with("libonnxruntime.1") // the second on a Mac
        };
        files.into_iter().find(is_library)
    };
    find().or_else(|| {
        let succeeds =
            |command: &mut Command| command.stdout(Stdio::null()).status().is_ok_and(|status| status.success());
        let mut install = Command::new(folder.join("venv/bin/python"));
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--retries", "1"]);
        let made = succeeds(Command::new("python3").args(["-m", "venv"]).arg(folder.join("venv")))
            && succeeds(install.arg("--target").arg(folder.join("wheel")).arg(wanted));
        made.then(find).flatten()
    })
}

/// A library that has the one function which is looked for first, and says that it is 1.16.3.
fn older_than_any_that_will_do(path: &Path) {
    let source = "#include <stdint.h>
        static const char *version(void) { return \"1.16.3\"; }
        static const void *api(uint32_t number) { return (void *)0; }
        static const struct { const void *(*api)(uint32_t); const char *(*version)(void); } base = {api, version};
        const void *OrtGetApiBase(void) { return &base; }";
    let mut compile = Command::new("c++");
    compile.args(["-x", "c", "-shared", "-fPIC", "-", "-o"]).arg(path).stdin(Stdio::piped());
    let mut child = compile.spawn().unwrap();
    child.stdin.take().unwrap().write_all(source.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "the stub does not compile");
}
