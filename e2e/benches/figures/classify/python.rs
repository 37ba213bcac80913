//! Python as somebody tunes it who knows it: a virtual environment with wheels from PyPI, made once. One of them brings
//! the library of ONNX Runtime too.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

use super::Candidate;

/// An interpreter with the wheels.
pub(super) struct Environment {
    python: PathBuf,
}

/// None where the wheels are not to be had.
pub(super) fn environment() -> anyhow::Result<Option<Environment>> {
    // Beside the programs that are measured, in what `cargo clean` removes.
    let programs = imagejob_e2e::programs::program("imagejob")?;
    let folder = programs.parent().context("a program lies in a folder")?.join("bench-python");
    let python = folder.join("bin/python");
    let mut imports = Command::new(&python);
    let ready = imports.args(["-c", "import cv2, numpy, onnxruntime"]).stderr(Stdio::null()).status();
    if !ready.is_ok_and(|status| status.success()) {
        let made = Command::new("python3").args(["-m", "venv"]).arg(&folder).stdout(Stdio::null()).status();
        let mut install = Command::new(&python);
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
        install.arg(scripts().join("requirements.txt"));
        let succeeded = |status: std::io::Result<std::process::ExitStatus>| status.is_ok_and(|status| status.success());
        if !succeeded(made) || !succeeded(install.status()) {
            println!(
                "SKIPPED: classify in Python and with ONNX Runtime, as python3-venv or the wheels of requirements.txt \
                 are not to be had"
            );
            return Ok(None);
        }
    }
    Ok(Some(Environment { python }))
}

impl Environment {
    /// The script that stands for Python.
    pub(super) fn candidate(&self, model: &Path) -> Candidate {
        let args = [scripts().join("rival.py"), model.to_owned()].map(|path| path.display().to_string()).to_vec();
        Candidate { program: self.python.clone(), args, library: None }
    }

    /// The library in the wheel `onnxruntime`, of the version that Python runs.
    pub(super) fn onnx_runtime(&self) -> anyhow::Result<PathBuf> {
        let script = "import glob, os, onnxruntime as o; print(*glob.glob(os.path.dirname(o.__file__) + \
                      '/capi/libonnxruntime.so.*'))";
        let output = Command::new(&self.python).args(["-c", script]).output()?;
        let path = PathBuf::from(String::from_utf8(output.stdout)?.trim());
        ensure!(path.is_file(), "the wheel onnxruntime has no libonnxruntime.so.*, but {}", path.display());
        Ok(path)
    }
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/figures/classify")
}
