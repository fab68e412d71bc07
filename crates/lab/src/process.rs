//! A child process: started, signalled as a process group, and reaped.

use std::{
    ffi::OsString,
    io,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::{
        OnceLock,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::Duration,
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::{
    process::{Child, ChildStdin, Command},
    runtime::Handle,
    sync::oneshot,
    time::{sleep, timeout},
};

use crate::log_file;

/// Maximum number of children that wait to be forked.
const FORKS_WAITING_MAX: usize = 16;
/// Time for a killed process to end; the kernel needs far less.
const REAP_LIMIT: Duration = Duration::from_secs(5);

/// Time for a process to be stopped after SIGSTOP, and the interval of the checks.
const PAUSE_TIMEOUT: Duration = Duration::from_secs(1);
const PAUSE_POLL_INTERVAL: Duration = Duration::from_millis(1);

/// A command to run.
#[derive(Debug, Clone, Default)]
pub struct Launch {
    /// The program and its arguments.
    pub argv: Vec<OsString>,
    /// Variables in addition to the inherited environment.
    pub env: Vec<(String, String)>,
    /// Log file to which its output is appended.
    pub log: PathBuf,
}

/// How a process ended after a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// The process ended within its grace period.
    Drained,
    /// The process had to be killed.
    Killed,
}

/// A running child in its own process group, so that a Ctrl-C in the terminal reaches only the supervisor, which then stops
/// its parts in order. Dropping it kills the group.
#[derive(Debug)]
pub struct Process {
    child: Child,
    pid: u32,
    /// Closing it ends a guarded child on systems without a parent-death signal.
    _leash: Option<ChildStdin>,
}

impl Process {
    /// Starts the command.
    pub async fn spawn(launch: &Launch) -> io::Result<Self> {
        let mut child = fork(command(launch)?).await?;
        let pid = child.id().expect("a child that was never waited for has its id");
        // `Child::wait` would close it.
        let leash = child.stdin.take();
        Ok(Self { child, pid, _leash: leash })
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits for the end of the process. Cancel safe.
    pub async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Sends SIGTERM, and SIGKILL after `grace`.
    pub async fn stop(&mut self, grace: Duration) -> Stopped {
        self.signal(Signal::TERM);
        // A paused process does not handle SIGTERM.
        self.signal(Signal::CONT);
        if timeout(grace, self.ended()).await.is_ok() {
            return Stopped::Drained;
        }
        self.kill().await;
        Stopped::Killed
    }

    /// Sends SIGKILL and waits for the end of the process.
    pub async fn kill(&mut self) -> Option<ExitStatus> {
        self.signal(Signal::KILL);
        timeout(REAP_LIMIT, self.ended()).await.ok()?.ok()
    }

    /// Pauses the process (SIGSTOP) and waits until it is stopped.
    pub async fn pause(&self) {
        self.signal(Signal::STOP);
        let stands = async {
            while self.runs() {
                sleep(PAUSE_POLL_INTERVAL).await;
            }
        };
        // Best effort: a process in an uninterruptible system call stops only when the call returns.
        let _in_time = timeout(PAUSE_TIMEOUT, stands).await;
    }

    /// Resumes the process (SIGCONT).
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Whether the process is neither paused nor ended.
    fn runs(&self) -> bool {
        let look = WaitIdOptions::STOPPED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        match (self.child.id(), group(self.pid)) {
            (Some(_), Some(pid)) => matches!(waitid(WaitId::Pid(pid), look), Ok(None)),
            _ => false,
        }
    }

    /// Signals the group unless the process was reaped: only then could another process have its id.
    fn signal(&self, signal: Signal) {
        if self.child.id().is_some() {
            signal_group(self.pid, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// Kills the process group that a child of this process leads.
pub(crate) fn kill_group(leader: u32) {
    signal_group(leader, Signal::KILL);
}

/// Fails only if the process has just ended, which `ended` reports.
fn signal_group(leader: u32, signal: Signal) {
    if let Some(group) = group(leader) {
        let _ended = kill_process_group(group, signal);
    }
}

fn group(leader: u32) -> Option<Pid> {
    i32::try_from(leader).ok().and_then(Pid::from_raw)
}

fn command(launch: &Launch) -> io::Result<Command> {
    let (program, arguments) = launch
        .argv
        .split_first()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no program given"))?;
    let log = log_file::open(&launch.log)?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .envs(launch.env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0)
        .kill_on_drop(true);
    Ok(command)
}

struct Fork {
    command: Command,
    runtime: Handle,
    answer: oneshot::Sender<io::Result<Child>>,
}

/// Forks in a thread that lives as long as this process: Linux sends the parent-death signal when the *thread* that forked
/// ends, and a runtime ends idle threads.
async fn fork(command: Command) -> io::Result<Child> {
    static FORKER: OnceLock<SyncSender<Fork>> = OnceLock::new();
    let forker = FORKER.get_or_init(|| {
        let (requests, inbox) = sync_channel(FORKS_WAITING_MAX);
        std::thread::Builder::new()
            .name("lab-forker".to_owned())
            .spawn(move || serve(&inbox))
            .expect("a process that runs a lab can have one more thread");
        requests
    });
    let (answer, child) = oneshot::channel();
    let request = Fork { command, runtime: Handle::current(), answer };
    let ended = |_| io::Error::other("the thread that forks has ended");
    forker.send(request).map_err(|error| ended(error.to_string()))?;
    child.await.map_err(|error| ended(error.to_string()))?
}

fn serve(inbox: &Receiver<Fork>) {
    for mut request in inbox {
        let _runtime = request.runtime.enter();
        // The receiver was dropped: the child is dropped here, which kills it.
        let _unwanted = request.answer.send(request.command.spawn());
    }
}
