//! Supervises parts: starts them tier by tier, restarts those that end, stops them in reverse order. The caller defines the
//! parts: command line, environment and readiness check.

mod error;
mod handle;
mod logs;
mod part_task;
mod status;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::{join_all, try_join_all};
use tokio::{sync::oneshot, task::JoinSet, time::timeout};

use crate::{LabEvent, LabEventSink, Part, Ready, Stopped, log_file, process};
use handle::{Handle, Order};

pub use error::{PartError, StartError};
pub use status::{PartState, PartStatus};

/// Time for a part to get ready after its start.
pub const READY_LIMIT: Duration = Duration::from_secs(20);

/// The definition of a part.
#[derive(Debug, Clone)]
pub struct PartSpec {
    /// Name, unique in a lab.
    pub part: Part,
    /// Program and arguments, including the guard before them.
    pub argv: Vec<std::ffi::OsString>,
    /// Variables in addition to the inherited environment.
    pub env: Vec<(String, String)>,
    /// Readiness check.
    pub ready: Ready,
}

/// The settings of a supervisor.
#[derive(Clone)]
pub struct SupervisorSettings {
    /// Folder for the `<part>.log` of every part.
    pub logs: PathBuf,
    /// Time for a part to stop before it is killed.
    pub grace: Duration,
    /// Receives the events of the lab.
    pub report: LabEventSink,
}

/// Keeps parts running. Dropping it kills them all; [`Supervisor::stop_all`] stops them in order.
pub struct Supervisor {
    settings: Arc<SupervisorSettings>,
    tiers: Vec<Vec<Handle>>,
    tasks: JoinSet<()>,
}

impl Supervisor {
    /// A supervisor without parts.
    pub fn new(settings: SupervisorSettings) -> Self {
        let settings = Arc::new(settings);
        let mut tasks = JoinSet::new();
        tasks.spawn(logs::limit_sizes(settings.logs.clone()));
        Self { settings, tiers: Vec::new(), tasks }
    }

    /// Starts the parts of a tier concurrently and waits until all are ready. A part that ends before is an error, with the
    /// last lines of its log; the caller then drops the supervisor.
    pub async fn start_tier(&mut self, specs: Vec<PartSpec>) -> Result<(), StartError> {
        let mut tier = Vec::with_capacity(specs.len());
        for spec in specs {
            let log = self.log(spec.part);
            log_file::rotate(&log).map_err(|cause| StartError::Log { path: log.clone(), cause })?;
            let (handle, task) = part_task::new(spec, log, Arc::clone(&self.settings));
            self.tasks.spawn(task);
            tier.push(handle);
        }
        // Added first, so that `stop_all` stops them even if one of them fails.
        self.tiers.push(tier);
        let started = self.tiers.last().into_iter().flatten().map(|h| self.begin(h));
        try_join_all(started).await.map(|_| ())
    }

    /// The status of every part, in start order.
    pub fn parts(&self) -> Vec<PartStatus> {
        self.handles().map(Handle::status).collect()
    }

    /// The status of one part.
    pub fn part(&self, part: Part) -> Result<PartStatus, PartError> {
        self.handle(part).map(Handle::status)
    }

    /// Kills a part as a crash would; it is restarted.
    pub async fn kill(&self, part: Part) -> Result<(), PartError> {
        self.order(part, Order::Kill).await
    }

    /// Stops a part, and kills it after the grace period; it stays stopped.
    pub async fn stop(&self, part: Part) -> Result<Stopped, PartError> {
        let grace = self.settings.grace;
        self.order(part, |done| Order::Stop { grace, done }).await
    }

    /// Starts a part that was stopped or waits to be restarted, and waits until it is ready. Does nothing if it runs.
    pub async fn start(&self, part: Part) -> Result<(), PartError> {
        let handle = self.handle(part)?;
        if handle.status().pid.is_some() {
            return Ok(());
        }
        Ok(self.begin(handle).await?)
    }

    /// A handle to restart a part, for a watcher.
    pub fn restarter(&self, part: Part) -> Result<Restarter, PartError> {
        Ok(Restarter { handle: self.handle(part)?.clone(), grace: self.settings.grace })
    }

    /// Runs `watcher` until the supervisor is dropped.
    pub fn spawn_watcher(&mut self, watcher: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(watcher);
    }

    /// Pauses a part (SIGSTOP): its connections stay open without responses.
    pub async fn pause(&self, part: Part) -> Result<(), PartError> {
        self.order(part, Order::Pause).await
    }

    /// Resumes a paused part.
    pub async fn resume(&self, part: Part) -> Result<(), PartError> {
        self.order(part, Order::Resume).await
    }

    /// The log file of a part.
    pub fn log(&self, part: Part) -> PathBuf {
        self.settings.logs.join(format!("{part}.log"))
    }

    /// The last log lines of a part.
    pub fn log_tail(&self, part: Part) -> String {
        log_file::tail(&self.log(part))
    }

    /// Stops all parts, the last tier first, each within the grace period. Returns the parts that had to be killed.
    pub async fn stop_all(&self) -> Vec<Part> {
        let mut killed = Vec::new();
        for tier in self.tiers.iter().rev() {
            let stops = tier.iter().map(|handle| async {
                let part = handle.status().part;
                (part, self.stop(part).await)
            });
            let stopped = join_all(stops).await.into_iter();
            killed.extend(stopped.filter_map(|(part, stopped)| {
                matches!(stopped, Ok(Stopped::Killed)).then_some(part)
            }));
        }
        killed
    }

    /// Starts a part through its task and waits until it is ready.
    async fn begin(&self, handle: &Handle) -> Result<(), StartError> {
        let spec = handle.spec();
        let began = Instant::now();
        let pid = handle.order(Order::Start).await??;
        let output = || self.log_tail(spec.part);
        tokio::select! {
            biased;
            status = handle.exit_of(pid) => Err(StartError::Ended {
                part: spec.part,
                status,
                log: self.log(spec.part),
                output: output(),
            }),
            in_time = timeout(READY_LIMIT, spec.ready.reached()) => match in_time {
                Ok(()) => {
                    let (part, took) = (spec.part, began.elapsed());
                    (self.settings.report)(LabEvent::Started { part, pid, took });
                    Ok(())
                }
                Err(_) => Err(StartError::Late {
                    part: spec.part,
                    limit: READY_LIMIT,
                    log: self.log(spec.part),
                    output: output(),
                }),
            },
        }
    }

    async fn order<T>(
        &self,
        part: Part,
        order: impl FnOnce(oneshot::Sender<T>) -> Order,
    ) -> Result<T, PartError> {
        Ok(self.handle(part)?.order(order).await?)
    }

    fn handle(&self, part: Part) -> Result<&Handle, PartError> {
        self.handles().find(|handle| handle.status().part == part).ok_or(PartError::Absent(part))
    }

    fn handles(&self) -> impl Iterator<Item = &Handle> {
        self.tiers.iter().flatten()
    }
}

/// Restarts one part.
pub struct Restarter {
    handle: Handle,
    grace: Duration,
}

impl Restarter {
    /// Stops the part within its grace period and starts it again immediately. Does nothing if it does not run.
    pub async fn restart(&self, why: &'static str) {
        let grace = self.grace;
        // A lab that is stopping needs no restart.
        let _stopping = self.handle.order(|done| Order::Restart { why, grace, done }).await;
    }
}

impl Drop for Supervisor {
    /// Kills the processes immediately; the tasks would do it too, but only when the runtime polls them.
    fn drop(&mut self) {
        for pid in self.handles().filter_map(|handle| handle.status().pid) {
            process::kill_group(pid);
        }
    }
}
