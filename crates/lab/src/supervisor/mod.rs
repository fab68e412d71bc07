//! Keeps parts running: starts them tier by tier, restarts what dies, stops them in reverse order.
//!
//! What a part is (its command line, its environment, when it is ready) comes from the caller.

mod backoff;
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

use crate::{Part, Progress, Ready, Report, Stopped, log_file, process};
use handle::{Handle, Order};

pub use error::{PartError, StartError};
pub use status::{PartState, PartStatus};

/// How long a part may take from its start until it is ready.
pub const READY_LIMIT: Duration = Duration::from_secs(20);

/// What a part is.
#[derive(Debug, Clone)]
pub struct PartSpec {
    /// Its name, unique in a lab.
    pub part: Part,
    /// The program and its arguments, a guard before them included.
    pub argv: Vec<std::ffi::OsString>,
    /// Set on top of the environment that is inherited.
    pub env: Vec<(String, String)>,
    /// When it counts as ready.
    pub ready: Ready,
}

/// How a supervisor works.
#[derive(Clone)]
pub struct Settings {
    /// Takes `<part>.log` of every part.
    pub logs: PathBuf,
    /// How long a part may take to stop before it is killed.
    pub grace: Duration,
    /// Receives progress reports.
    pub report: Report,
}

/// Keeps parts running. Dropping it kills them all; [`Supervisor::stop_all`] stops them in order.
pub struct Supervisor {
    settings: Arc<Settings>,
    tiers: Vec<Vec<Handle>>,
    tasks: JoinSet<()>,
}

impl Supervisor {
    /// A supervisor of nothing yet.
    pub fn new(settings: Settings) -> Self {
        let settings = Arc::new(settings);
        let mut tasks = JoinSet::new();
        tasks.spawn(logs::keep_small(settings.logs.clone()));
        Self { settings, tiers: Vec::new(), tasks }
    }

    /// Starts one tier at once and waits until all of it is ready. A part that ends before that
    /// is an error, with the end of its log; the caller then drops the supervisor.
    pub async fn start_tier(&mut self, specs: Vec<PartSpec>) -> Result<(), StartError> {
        let mut tier = Vec::with_capacity(specs.len());
        for spec in specs {
            let log = self.log(spec.part);
            log_file::rotate(&log).map_err(|cause| StartError::Log { path: log.clone(), cause })?;
            let (handle, task) = part_task::new(spec, log, Arc::clone(&self.settings));
            self.tasks.spawn(task);
            tier.push(handle);
        }
        // Known to `stop_all` even when one of them fails.
        self.tiers.push(tier);
        let started = self.tiers.last().into_iter().flatten().map(|h| self.begin(h));
        try_join_all(started).await.map(|_| ())
    }

    /// The state of every part, in the order of their start.
    pub fn parts(&self) -> Vec<PartStatus> {
        self.handles().map(Handle::status).collect()
    }

    /// The state of one part.
    pub fn part(&self, part: Part) -> Result<PartStatus, PartError> {
        self.handle(part).map(Handle::status)
    }

    /// Kills it as a crash would; it is restarted like any other that dies.
    pub async fn kill(&self, part: Part) -> Result<(), PartError> {
        self.order(part, Order::Kill).await
    }

    /// Asks it to stop, kills it after the grace period; it stays down.
    pub async fn stop(&self, part: Part) -> Result<Stopped, PartError> {
        let grace = self.settings.grace;
        self.order(part, |done| Order::Stop { grace, done }).await
    }

    /// Starts one that was stopped, or is waiting to be restarted, and waits until it is ready.
    /// One that runs is left alone.
    pub async fn start(&self, part: Part) -> Result<(), PartError> {
        let handle = self.handle(part)?;
        if handle.status().pid.is_some() {
            return Ok(());
        }
        Ok(self.begin(handle).await?)
    }

    /// What restarts a part, for a watcher beside it.
    pub fn restarter(&self, part: Part) -> Result<Restarter, PartError> {
        Ok(Restarter { handle: self.handle(part)?.clone(), grace: self.settings.grace })
    }

    /// Runs `watcher` until the supervisor is gone.
    pub fn beside(&mut self, watcher: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(watcher);
    }

    /// Holds it still: it neither works nor answers, and its connections stay open.
    pub async fn pause(&self, part: Part) -> Result<(), PartError> {
        self.order(part, Order::Pause).await
    }

    /// Lets it go on.
    pub async fn resume(&self, part: Part) -> Result<(), PartError> {
        self.order(part, Order::Resume).await
    }

    /// Where a part's output goes.
    pub fn log(&self, part: Part) -> PathBuf {
        self.settings.logs.join(format!("{part}.log"))
    }

    /// The last lines a part said.
    pub fn log_tail(&self, part: Part) -> String {
        log_file::tail(&self.log(part))
    }

    /// Stops all, the last tier first, each within the grace period; says what had to be killed.
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

    /// Starts a part through its task and watches it until it is ready.
    async fn begin(&self, handle: &Handle) -> Result<(), StartError> {
        let spec = handle.spec();
        let began = Instant::now();
        let pid = handle.order(Order::Start).await??;
        let said = || self.log_tail(spec.part);
        tokio::select! {
            biased;
            status = handle.death_of(pid) => Err(StartError::Ended {
                part: spec.part,
                status,
                log: self.log(spec.part),
                said: said(),
            }),
            in_time = timeout(READY_LIMIT, spec.ready.reached()) => match in_time {
                Ok(()) => {
                    let (part, took) = (spec.part, began.elapsed());
                    (self.settings.report)(Progress::Started { part, pid, took });
                    Ok(())
                }
                Err(_) => Err(StartError::Late {
                    part: spec.part,
                    limit: READY_LIMIT,
                    log: self.log(spec.part),
                    said: said(),
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
    /// Stops the part within its grace period and starts it again at once. One that does not run is left alone.
    pub async fn restart(&self, why: &'static str) {
        let grace = self.grace;
        // A lab that is stopping needs no restart.
        let _stopping = self.handle.order(|done| Order::Restart { why, grace, done }).await;
    }
}

impl Drop for Supervisor {
    /// Kills the processes at once; the tasks would do it too, but only when the runtime polls them.
    fn drop(&mut self) {
        for pid in self.handles().filter_map(|handle| handle.status().pid) {
            process::kill_group(pid);
        }
    }
}
