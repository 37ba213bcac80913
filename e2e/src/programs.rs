//! Our programs as processes: found next to the test, killed by stories, never outliving the test.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::wait;

/// Lines of a process's log that are shown when a story fails.
const TAIL: usize = 15;
/// Unit of processor time in `/proc`: `sysconf(_SC_CLK_TCK)`, 100 on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;
/// How long a process may take to end after it was asked to.
const STOP: Duration = Duration::from_secs(15);

/// A program of this workspace, built by cargo into the folder above the test's own.
pub fn program(name: &str) -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe()?;
    let folder = test.ancestors().nth(2).context("a test lies in target/<profile>/deps")?;
    let program = folder.join(name);
    ensure!(program.exists(), "{} is not built: run `make build` (bench: `make bench`)", program.display());
    Ok(program)
}

/// A port that is free now. Somebody else may take it before its user does; stories would say so.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Processor seconds that a process used so far, user and system, all threads.
pub fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may hold blanks; utime and stime are the 12th and 13th fields after it.
    let fields = stat.rsplit_once(')').context("stat has a name in parentheses")?.1;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(ticks as f64 / TICKS_PER_SECOND)
}

/// The most memory that a process held so far, MiB (Linux's `VmHWM`).
pub fn peak_mib(pid: u32) -> anyhow::Result<f64> {
    memory_mib(pid, "VmHWM:")
}

fn memory_mib(pid: u32, field: &str) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let line = line.with_context(|| format!("no {field} is this Linux, and does {pid} run?"))?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024.0)
}

/// A running program. Its standard input stays open as long as this value lives; programs that
/// were started with `--until-stdin-closes` end with it, however the test dies.
pub struct Process {
    name: String,
    child: Child,
    output: BufReader<ChildStdout>,
    log: PathBuf,
}

impl Process {
    /// Starts `program`; its log goes to `<folder>/<name>.log`.
    pub fn start(program: &Path, name: &str, folder: &Path, args: &[String]) -> anyhow::Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log)?;
        let mut child = Command::new(program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let output = BufReader::new(child.stdout.take().context("standard output is piped")?);
        Ok(Self { name: name.to_owned(), child, output, log })
    }

    /// Its name in logs and reports.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line of its standard output; waits for it. `None` at the end.
    pub fn line(&mut self) -> anyhow::Result<Option<String>> {
        let mut line = String::new();
        let read = self.output.read_line(&mut line)?;
        Ok((read > 0).then(|| line.trim_end().to_owned()))
    }

    /// SIGKILL: no goodbye.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to end.
    pub fn ask_to_stop(&mut self) {
        drop(self.child.stdin.take());
    }

    /// SIGSTOP: it stands still, and its connections stay open.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.signal("STOP")
    }

    /// SIGCONT: it goes on as if no time had passed.
    pub fn resume(&self) -> anyhow::Result<()> {
        self.signal("CONT")
    }

    fn signal(&self, name: &str) -> anyhow::Result<()> {
        let sent = Command::new("kill").args(["-s", name, &self.pid().to_string()]).status()?;
        ensure!(sent.success(), "{} did not get SIG{name}", self.name);
        Ok(())
    }

    /// Asks it to end and waits; whether it ended well.
    pub fn stop(&mut self) -> anyhow::Result<bool> {
        self.ask_to_stop();
        let name = self.name.clone();
        let mut status = None;
        wait::until(
            STOP,
            || format!("{name} does not end"),
            || {
                status = self.child.try_wait().ok().flatten();
                status.is_some()
            },
        );
        Ok(status.is_some_and(|status| status.success()))
    }

    /// Waits for its own end and gives what it printed; whether it ended well.
    pub fn finish(&mut self) -> anyhow::Result<(bool, String)> {
        let mut text = String::new();
        self.output.read_to_string(&mut text)?;
        Ok((self.child.wait()?.success(), text))
    }

    /// Whether it runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Resident memory, MiB (Linux's `VmRSS`).
    pub fn resident_mib(&self) -> anyhow::Result<f64> {
        memory_mib(self.child.id(), "VmRSS:")
    }

    /// Processor seconds it used so far, user and system, all threads.
    pub fn cpu_seconds(&self) -> anyhow::Result<f64> {
        cpu_seconds(self.child.id())
    }

    /// Everything it logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.is_running()
            && let Err(error) = self.kill()
        {
            eprintln!("cannot end {}: {error}", self.name);
        }
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            eprintln!("--- {}\n{}", self.name, lines[lines.len().saturating_sub(TAIL)..].join("\n"));
        }
    }
}
