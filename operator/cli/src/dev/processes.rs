//! The cluster of `imagejob dev`: processes of `imagejob-worker` on this machine. Keeps as many
//! running as the plan says, as a ReplicaSet would: a process that dies is replaced, one that is
//! too much is asked to leave and given time to drain.
//!
//! Children hold the read end of a pipe as standard input: when this process dies, however it
//! dies, they see its end, drain and leave.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use imagejob_api::{ImageJobStatus, NamespacedName};
use imagejob_operator::secrets::SecretPaths;
use imagejob_operator::{Clock as _, Cluster, ClusterError, Instance, Plan, PlanHash, Role, Running, SystemClock};
use imagejob_scaling::Others;
use jiff::Timestamp;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::watch;
use tracing::warn;

/// A replacement starts after this pause, so that a program that cannot start does not spin.
const RESTART_PAUSE: Duration = Duration::from_millis(300);

/// The processes of one role.
#[derive(Debug)]
struct Pool {
    role: Role,
    wanted: u32,
    running: BTreeMap<u32, Process>,
    peak: u32,
    killed: u32,
}

#[derive(Debug)]
struct Process {
    pid: Pid,
    created: Timestamp,
    ready: Option<Timestamp>,
    leaving: bool,
}

impl Pool {
    const fn new(role: Role) -> Self {
        Self { role, wanted: 0, running: BTreeMap::new(), peak: 0, killed: 0 }
    }

    fn name(&self, number: u32) -> String {
        match self.role {
            Role::Dispatcher => format!("dispatcher-{number}"),
            Role::Worker => format!("worker-{number}"),
        }
    }

    fn staying(&self) -> Vec<u32> {
        self.running.iter().filter(|(_, process)| !process.leaving).map(|(number, _)| *number).collect()
    }
}

#[derive(Debug)]
struct State {
    plan: Option<PlanHash>,
    dispatchers: Pool,
    workers: Pool,
    /// Ports of dispatchers, kept for their replacements.
    ports: BTreeMap<u32, u16>,
}

impl State {
    fn pool(&mut self, role: Role) -> &mut Pool {
        match role {
            Role::Dispatcher => &mut self.dispatchers,
            Role::Worker => &mut self.workers,
        }
    }

    /// The port of a dispatcher: a free one, the same for all its lives.
    fn port(&mut self, number: u32) -> anyhow::Result<u16> {
        if let Some(port) = self.ports.get(&number) {
            return Ok(*port);
        }
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        self.ports.insert(number, port);
        Ok(port)
    }
}

/// Handle to the processes of one job.
#[derive(Clone)]
pub(crate) struct Processes(Arc<Inner>);

struct Inner {
    program: PathBuf,
    dir: PathBuf,
    secrets: SecretPaths,
    state: Mutex<State>,
    changes: watch::Sender<()>,
}

impl Processes {
    /// Nothing runs yet. `dir` holds settings, token, logs and pid files; `secrets` is where the user's lie.
    pub(crate) fn new(program: PathBuf, dir: &Path, secrets: SecretPaths) -> anyhow::Result<Self> {
        for folder in ["logs", "pids"] {
            fs::create_dir_all(dir.join(folder))?;
        }
        let state = State {
            plan: None,
            dispatchers: Pool::new(Role::Dispatcher),
            workers: Pool::new(Role::Worker),
            ports: BTreeMap::new(),
        };
        let changes = watch::Sender::new(());
        Ok(Self(Arc::new(Inner { program, dir: dir.to_owned(), secrets, state: Mutex::new(state), changes })))
    }

    /// Most workers at once, and how many ended without being asked to.
    pub(crate) fn peak_and_killed(&self) -> (u32, u32) {
        let state = self.state();
        (state.workers.peak, state.workers.killed)
    }

    /// Changes whenever something starts, gets ready or ends.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.0.changes.subscribe()
    }

    /// Asks all of a role to leave and waits until they have; kills what is left after `limit`.
    pub(crate) async fn stop(&self, role: Role, limit: Duration) -> anyhow::Result<()> {
        self.scale(role, 0)?;
        if tokio::time::timeout(limit, self.until(|state| state.pool(role).running.is_empty())).await.is_err() {
            for (number, process) in &self.state().pool(role).running {
                warn!(?role, number, "did not leave in time: killed");
                kill(process.pid, Signal::SIGKILL).ok();
            }
            self.until(|state| state.pool(role).running.is_empty()).await;
        }
        Ok(())
    }

    async fn until(&self, condition: impl Fn(&mut State) -> bool) {
        let mut changes = self.changes();
        while !condition(&mut self.state()) {
            // The sender lives as long as we do.
            changes.changed().await.ok();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn carry_out(&self, plan: &Plan) -> anyhow::Result<()> {
        let dir = &self.0.dir;
        fs::write(dir.join("dispatcher.json"), serde_json::to_vec_pretty(&plan.dispatcher_settings)?)?;
        fs::write(dir.join("worker.json"), serde_json::to_vec_pretty(&plan.worker_settings)?)?;
        let token = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(dir.join("token"));
        std::io::Write::write_all(&mut token?, plan.token.expose().as_bytes())?;
        for number in 0..plan.dispatchers {
            self.state().port(number)?;
        }
        self.scale(Role::Dispatcher, plan.dispatchers)?;
        self.scale(Role::Worker, plan.workers)?;
        self.state().plan = Some(plan.hash());
        Ok(())
    }

    /// From now on this many should run. Returns at once.
    fn scale(&self, role: Role, count: u32) -> anyhow::Result<()> {
        self.state().pool(role).wanted = count;
        self.converge(role)
    }

    /// Starts what is missing, lowest numbers first; asks what is too much to leave, highest first.
    fn converge(&self, role: Role) -> anyhow::Result<()> {
        let mut state = self.state();
        let pool = state.pool(role);
        let wanted = pool.wanted as usize;
        for number in pool.staying().into_iter().skip(wanted) {
            if let Some(process) = pool.running.get_mut(&number) {
                process.leaving = true;
                // It may be gone already; that is what we want.
                kill(process.pid, Signal::SIGTERM).ok();
            }
        }
        let missing = wanted.saturating_sub(pool.staying().len());
        let free: Vec<u32> = (0..).filter(|number| !pool.running.contains_key(number)).take(missing).collect();
        for number in free {
            self.start(&mut state, role, number)?;
        }
        let pool = state.pool(role);
        pool.peak = pool.peak.max(pool.staying().len() as u32);
        Ok(())
    }

    fn start(&self, state: &mut State, role: Role, number: u32) -> anyhow::Result<()> {
        let name = state.pool(role).name(number);
        let created = SystemClock.now();
        let mut command = self.command(state, role, number, &name, created)?;
        let mut child = command.spawn().with_context(|| format!("cannot start {}", self.0.program.display()))?;
        let pid = Pid::from_raw(child.id().context("the process ended at once")?.try_into()?);
        fs::write(self.0.dir.join("pids").join(&name), pid.to_string())?;
        let stdout = child.stdout.take();
        state.pool(role).running.insert(number, Process { pid, created, ready: None, leaving: false });
        tokio::spawn(self.clone().watch(role, number, pid, child, stdout));
        Ok(())
    }

    fn command(
        &self,
        state: &mut State,
        role: Role,
        number: u32,
        name: &str,
        created: Timestamp,
    ) -> anyhow::Result<Command> {
        let dir = &self.0.dir;
        let log = fs::File::options().append(true).create(true).open(dir.join(format!("logs/{name}.log")))?;
        let mut command = Command::new(&self.0.program);
        let settings = match role {
            Role::Dispatcher => {
                command.arg("dispatch").arg("--listen").arg(local(state.port(number)?).to_string());
                "dispatcher.json"
            }
            Role::Worker => {
                let addresses: Vec<String> = state.ports.values().map(|port| local(*port).to_string()).collect();
                command.arg("work").arg("--dispatchers").arg(addresses.join(","));
                "worker.json"
            }
        };
        command.arg("--settings").arg(dir.join(settings)).arg("--token-file").arg(dir.join("token"));
        // A replacement is another process, and must not be taken for the one that died.
        command.args(["--id", &format!("{name}.{}", created.as_millisecond()), "--until-stdin-closes"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        // Ctrl-C in the terminal is for us; the children are told when it is their turn.
        command.process_group(0);
        Ok(command)
    }

    /// Follows a child to its end, and replaces it if it should still run.
    async fn watch(self, role: Role, number: u32, pid: Pid, mut child: Child, stdout: Option<ChildStdout>) {
        if let Some(stdout) = stdout {
            let mut lines = BufReader::new(stdout).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                if line.starts_with("ready")
                    && let Some(process) = self.state().pool(role).running.get_mut(&number)
                {
                    process.ready = Some(SystemClock.now());
                    self.0.changes.send_replace(());
                }
            }
        }
        let status = child.wait().await;
        // What it started (a handler) is in its group and must not stay behind.
        killpg(pid, Signal::SIGKILL).ok();
        let unasked = {
            let mut state = self.state();
            let pool = state.pool(role);
            let unasked = pool.running.remove(&number).is_some_and(|process| !process.leaving);
            pool.killed += u32::from(unasked);
            unasked
        };
        self.0.changes.send_replace(());
        if unasked {
            let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
            warn!(?role, number, status, "ended unasked: starting another");
            tokio::time::sleep(RESTART_PAUSE).await;
        }
        if let Err(error) = self.converge(role) {
            warn!(?role, number, error = format!("{error:#}"), "could not be replaced");
        }
    }
}

impl Cluster for Processes {
    fn running(&self, _job: &NamespacedName) -> Running {
        let state = self.state();
        let instances = [&state.dispatchers, &state.workers].into_iter().flat_map(|pool| {
            pool.running.iter().filter(|(_, process)| !process.leaving).map(|(number, process)| Instance {
                name: pool.name(*number),
                role: pool.role,
                created: process.created,
                ready: process.ready,
                address: match pool.role {
                    Role::Dispatcher => state.ports.get(number).map(|port| local(*port).to_string()),
                    Role::Worker => None,
                },
            })
        });
        Running {
            plan: state.plan.clone(),
            workers_applied: state.workers.wanted,
            dispatchers_applied: state.dispatchers.wanted,
            instances: instances.collect(),
            faults: Vec::new(),
            others: Others::default(),
        }
    }

    fn secret_paths(&self) -> SecretPaths {
        self.0.secrets.clone()
    }

    async fn apply(&self, plan: &Plan) -> Result<(), ClusterError> {
        self.carry_out(plan).map_err(|error| ClusterError::Unavailable {
            action: format!("run {} dispatchers and {} workers", plan.dispatchers, plan.workers),
            cause: format!("{error:#}"),
        })
    }

    /// The live view shows the outcome of each round; there is no object to write to.
    async fn write_status(&self, _job: &NamespacedName, _status: &ImageJobStatus) -> Result<(), ClusterError> {
        Ok(())
    }
}

fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// A program that says it is ready and lives until its input ends or it gets a signal.
    fn sleeper(dir: &Path) -> PathBuf {
        let program = dir.join("program");
        fs::write(&program, "#!/bin/sh\necho ready\nread -r line\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        program
    }

    async fn until(processes: &Processes, condition: impl Fn(&mut State) -> bool) {
        tokio::time::timeout(Duration::from_secs(20), processes.until(condition)).await.expect("within 20 s");
    }

    fn ready(count: usize) -> impl Fn(&mut State) -> bool {
        move |state| state.workers.running.values().filter(|p| p.ready.is_some() && !p.leaving).count() == count
    }

    #[tokio::test]
    async fn a_killed_worker_is_replaced_and_a_surplus_one_leaves() {
        let dir = tempfile::tempdir().unwrap();
        let processes = Processes::new(sleeper(dir.path()), dir.path(), SecretPaths::Mounted).unwrap();
        processes.scale(Role::Worker, 3).unwrap();
        until(&processes, ready(3)).await;

        let pid: i32 = fs::read_to_string(dir.path().join("pids/worker-1")).unwrap().parse().unwrap();
        kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
        until(&processes, |state| state.workers.killed == 1).await;
        until(&processes, ready(3)).await;

        processes.scale(Role::Worker, 1).unwrap();
        until(&processes, |state| state.workers.running.len() == 1).await;
        processes.stop(Role::Worker, Duration::from_secs(5)).await.unwrap();
        assert_eq!(processes.running(&NamespacedName { namespace: "d".into(), name: "j".into() }).instances, []);
        assert_eq!(processes.peak_and_killed(), (3, 1), "leaving when asked is no kill");
    }
}
