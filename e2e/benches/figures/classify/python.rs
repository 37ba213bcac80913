//! Python as somebody tunes it who knows it: a virtual environment with wheels from PyPI, made once.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;

use super::Candidate;

/// The script that stands for Python, if its wheels are to be had here.
pub(super) fn candidate(model: &Path) -> anyhow::Result<Option<Candidate>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/figures/classify");
    // Beside the programs that are measured, in what `cargo clean` removes.
    let programs = imagejob_e2e::programs::program("imagejob")?;
    let environment = programs.parent().context("a program lies in a folder")?.join("bench-python");
    let python = environment.join("bin/python");
    let mut imports = Command::new(&python);
    let ready = imports.args(["-c", "import cv2, numpy, onnxruntime"]).stderr(Stdio::null()).status();
    if !ready.is_ok_and(|status| status.success()) {
        let made = Command::new("python3").args(["-m", "venv"]).arg(&environment).stdout(Stdio::null()).status();
        let mut install = Command::new(&python);
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
        install.arg(folder.join("requirements.txt"));
        let succeeded = |status: std::io::Result<std::process::ExitStatus>| status.is_ok_and(|status| status.success());
        if !succeeded(made) || !succeeded(install.status()) {
            println!(
                "SKIPPED: classify in Python, as python3-venv or the wheels of requirements.txt are not to be had"
            );
            return Ok(None);
        }
    }
    let args = [folder.join("rival.py"), model.to_owned()].map(|path| path.display().to_string()).to_vec();
    Ok(Some(Candidate { program: python, args }))
}
