//! The task of one part: owns its process, restarts it when it dies, executes orders.

use std::{future::Future, path::PathBuf, process::ExitStatus, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

use super::{
    PartSpec, PartState, PartStatus, Settings, StartError,
    backoff::Backoff,
    handle::{Handle, Order},
};
use crate::{Launch, Process, Progress, Stopped};

/// Orders that may wait for a part.
const ORDERS_WAITING_MAX: usize = 8;

/// The handle of a stopped part, and the task that supervises it.
pub(super) fn new(
    spec: PartSpec,
    log: PathBuf,
    settings: Arc<Settings>,
) -> (Handle, impl Future<Output = ()> + Send) {
    let spec = Arc::new(spec);
    let (orders, inbox) = mpsc::channel(ORDERS_WAITING_MAX);
    let (publish, status) = watch::channel(PartStatus {
        part: spec.part,
        state: PartState::Stopped,
        pid: None,
        restarts: 0,
        last_end: None,
    });
    let task = PartTask {
        launch: Launch { argv: spec.argv.clone(), env: spec.env.clone(), log },
        spec: Arc::clone(&spec),
        settings,
        publish,
        backoff: Backoff::new(),
        now: Now::Stopped,
    };
    (Handle::new(spec, orders, status), task.run(inbox))
}

/// State of the part.
enum Now {
    Stopped,
    Running { process: Box<Process>, since: Instant },
    Waiting { until: Instant },
}

enum Event {
    Ordered(Order),
    Ended(ExitStatus),
    Due,
}

struct PartTask {
    spec: Arc<PartSpec>,
    launch: Launch,
    settings: Arc<Settings>,
    publish: watch::Sender<PartStatus>,
    backoff: Backoff,
    now: Now,
}

impl PartTask {
    /// Runs until the supervisor is dropped; the process is killed with it.
    async fn run(mut self, mut inbox: mpsc::Receiver<Order>) {
        while let Some(event) = self.next(&mut inbox).await {
            match event {
                Event::Ordered(order) => self.execute(order).await,
                Event::Ended(status) => self.died(status),
                Event::Due => self.restart().await,
            }
        }
    }

    async fn next(&mut self, inbox: &mut mpsc::Receiver<Order>) -> Option<Event> {
        match &mut self.now {
            Now::Stopped => inbox.recv().await.map(Event::Ordered),
            Now::Running { process, .. } => tokio::select! {
                // Check for the process's end first, so that an order sees the present state.
                biased;
                Ok(status) = process.ended() => Some(Event::Ended(status)),
                order = inbox.recv() => order.map(Event::Ordered),
            },
            Now::Waiting { until } => tokio::select! {
                () = sleep_until(*until) => Some(Event::Due),
                order = inbox.recv() => order.map(Event::Ordered),
            },
        }
    }

    /// Executes an order. A dropped receiver of the result is not an error.
    async fn execute(&mut self, order: Order) {
        match order {
            Order::Start(done) => {
                let _receiver_gone = done.send(self.start().await);
            }
            Order::Stop { grace, done } => {
                let _receiver_gone = done.send(self.stop(grace).await);
            }
            Order::Restart { why, grace, done } => {
                self.stop_and_restart(why, grace).await;
                let _receiver_gone = done.send(());
            }
            Order::Kill(done) => {
                self.kill().await;
                let _receiver_gone = done.send(());
            }
            Order::Pause(done) => {
                if let Now::Running { process, .. } = &self.now {
                    process.pause().await;
                    self.update_status(|status| status.state = PartState::Paused);
                }
                let _receiver_gone = done.send(());
            }
            Order::Resume(done) => {
                if let Now::Running { process, .. } = &self.now {
                    process.resume();
                    self.update_status(|status| status.state = PartState::Running);
                }
                let _receiver_gone = done.send(());
            }
        }
    }

    async fn start(&mut self) -> Result<u32, StartError> {
        if let Now::Running { process, .. } = &self.now {
            return Ok(process.pid());
        }
        let part = self.spec.part;
        self.spawn().await.map_err(|cause| StartError::Spawn { part, cause })
    }

    async fn spawn(&mut self) -> std::io::Result<u32> {
        let process = Process::spawn(&self.launch).await?;
        let pid = process.pid();
        self.now = Now::Running { process: Box::new(process), since: Instant::now() };
        self.update_status(|status| {
            status.state = PartState::Running;
            status.pid = Some(pid);
        });
        Ok(pid)
    }

    async fn stop(&mut self, grace: Duration) -> Stopped {
        let mut stopped = Stopped::Drained;
        if let Now::Running { mut process, .. } = std::mem::replace(&mut self.now, Now::Stopped) {
            stopped = process.stop(grace).await;
            (self.settings.report)(Progress::Stopped {
                part: self.spec.part,
                killed: stopped == Stopped::Killed,
            });
        }
        self.update_status(|status| {
            status.state = PartState::Stopped;
            status.pid = None;
        });
        stopped
    }

    async fn stop_and_restart(&mut self, why: &'static str, grace: Duration) {
        let Now::Running { process, .. } = &mut self.now else { return };
        let part = self.spec.part;
        (self.settings.report)(Progress::Restarting { part, why });
        let pid = process.pid();
        process.stop(grace).await;
        if let Ok(status) = process.ended().await {
            self.update_status(|known| known.last_end = Some((pid, status)));
        }
        self.restart().await;
    }

    async fn kill(&mut self) {
        if let Now::Running { process, .. } = &mut self.now
            && let Some(status) = process.kill().await
        {
            self.died(status);
        }
    }

    fn died(&mut self, status: ExitStatus) {
        let now = Instant::now();
        let (pid, lived) = match &self.now {
            Now::Running { process, since } => (process.pid(), now - *since),
            Now::Stopped | Now::Waiting { .. } => return,
        };
        let again_in = self.wait(lived);
        self.update_status(|known| {
            known.state = PartState::Waiting;
            known.pid = None;
            known.last_end = Some((pid, status));
        });
        let part = self.spec.part;
        (self.settings.report)(Progress::Died { part, status, again_in });
    }

    async fn restart(&mut self) {
        let part = self.spec.part;
        let report = Arc::clone(&self.settings.report);
        match self.spawn().await {
            Ok(pid) => {
                self.update_status(|status| status.restarts += 1);
                let restarts = self.publish.borrow().restarts;
                report(Progress::Restarted { part, pid, restarts });
            }
            Err(cause) => {
                let again_in = self.wait(Duration::ZERO);
                let why = cause.to_string();
                report(Progress::NotRestarted { part, why, again_in });
            }
        }
    }

    fn wait(&mut self, lived: Duration) -> Duration {
        let again_in = self.backoff.after(lived);
        self.now = Now::Waiting { until: Instant::now() + again_in };
        again_in
    }

    fn update_status(&self, change: impl FnOnce(&mut PartStatus)) {
        self.publish.send_modify(change);
    }
}
