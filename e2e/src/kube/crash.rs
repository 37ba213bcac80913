//! A crash: the process of a pod ends without a word, as by the kernel's hand. Deleting the pod,
//! even by force, would let it say goodbye.

use std::path::Path;
use std::process::Command;

use anyhow::ensure;

/// Kills what runs in a pod of ours, which knows its name as `POD_NAME`. The kubelet starts it again.
///
/// # Errors
/// Nothing of that name runs on this machine, or the story may not kill it: it has to be root.
pub fn crash(pod: &str) -> anyhow::Result<()> {
    let variable = format!("POD_NAME={pod}");
    let mut killed = 0;
    for process in std::fs::read_dir("/proc")?.filter_map(Result::ok) {
        if has_variable(&process.path(), &variable) {
            let pid = process.file_name();
            let status = Command::new("kill").arg("-KILL").arg(&pid).status()?;
            ensure!(status.success(), "{} of pod {pod} could not be killed", pid.display());
            killed += 1;
        }
    }
    ensure!(killed > 0, "no process of pod {pod} is seen; is the story root, and the node on this machine?");
    Ok(())
}

/// Whether a process was started with `NAME=value`. One that has ended meanwhile was not.
fn has_variable(process: &Path, variable: &str) -> bool {
    let environment = std::fs::read(process.join("environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|entry| entry == variable.as_bytes())
}
