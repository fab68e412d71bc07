//! The task of one part: owns its process, restarts it when it dies, executes orders.

use std::{future::Future, path::PathBuf, process::ExitStatus, sync::Arc, time::Duration};

use runtime::backoff::Backoff;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

use super::{
    PartSpec, PartState, PartStatus, StartError, SupervisorSettings,
    handle::{Handle, Order},
};
use crate::{LabEvent, Launch, Process, Stopped};

/// Maximum number of orders that wait for a part.
const ORDERS_WAITING_MAX: usize = 8;
/// Delay before the first restart in a row; it doubles.
const RESTART_DELAY: Duration = Duration::from_millis(100);
/// Longest delay before a restart.
const RESTART_DELAY_MAX: Duration = Duration::from_secs(5);
/// A part that ran for this long starts over with the first delay.
const STABLE_AFTER: Duration = Duration::from_secs(10);

/// The handle of a stopped part, and the task that supervises it.
pub(super) fn new(
    spec: PartSpec,
    log: PathBuf,
    settings: Arc<SupervisorSettings>,
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
        backoff: Backoff::new(RESTART_DELAY, RESTART_DELAY_MAX),
        process_state: ProcessState::Stopped,
    };
    (Handle::new(spec, orders, status), task.run(inbox))
}

/// State of the part's process.
enum ProcessState {
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
    settings: Arc<SupervisorSettings>,
    publish: watch::Sender<PartStatus>,
    backoff: Backoff,
    process_state: ProcessState,
}

impl PartTask {
    /// Runs until the supervisor is dropped; the process is killed with it.
    async fn run(mut self, mut inbox: mpsc::Receiver<Order>) {
        while let Some(event) = self.next(&mut inbox).await {
            match event {
                Event::Ordered(order) => self.execute(order).await,
                Event::Ended(status) => self.on_exit(status),
                Event::Due => self.restart().await,
            }
        }
    }

    async fn next(&mut self, inbox: &mut mpsc::Receiver<Order>) -> Option<Event> {
        match &mut self.process_state {
            ProcessState::Stopped => inbox.recv().await.map(Event::Ordered),
            ProcessState::Running { process, .. } => tokio::select! {
                // Check for the process's end first, so that an order sees the present state.
                biased;
                Ok(status) = process.ended() => Some(Event::Ended(status)),
                order = inbox.recv() => order.map(Event::Ordered),
            },
            ProcessState::Waiting { until } => tokio::select! {
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
                if let ProcessState::Running { process, .. } = &self.process_state {
                    process.pause().await;
                    self.update_status(|status| status.state = PartState::Paused);
                }
                let _receiver_gone = done.send(());
            }
            Order::Resume(done) => {
                if let ProcessState::Running { process, .. } = &self.process_state {
                    process.resume();
                    self.update_status(|status| status.state = PartState::Running);
                }
                let _receiver_gone = done.send(());
            }
        }
    }

    async fn start(&mut self) -> Result<u32, StartError> {
        if let ProcessState::Running { process, .. } = &self.process_state {
            return Ok(process.pid());
        }
        let part = self.spec.part;
        self.spawn().await.map_err(|cause| StartError::Spawn { part, cause })
    }

    async fn spawn(&mut self) -> std::io::Result<u32> {
        let process = Process::spawn(&self.launch).await?;
        let pid = process.pid();
        self.process_state =
            ProcessState::Running { process: Box::new(process), since: Instant::now() };
        self.update_status(|status| {
            status.state = PartState::Running;
            status.pid = Some(pid);
        });
        Ok(pid)
    }

    async fn stop(&mut self, grace: Duration) -> Stopped {
        let mut stopped = Stopped::Drained;
        if let ProcessState::Running { mut process, .. } =
            std::mem::replace(&mut self.process_state, ProcessState::Stopped)
        {
            stopped = process.stop(grace).await;
            (self.settings.report)(LabEvent::Stopped {
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
        let ProcessState::Running { process, .. } = &mut self.process_state else { return };
        let part = self.spec.part;
        (self.settings.report)(LabEvent::Restarting { part, why });
        let pid = process.pid();
        process.stop(grace).await;
        if let Ok(status) = process.ended().await {
            self.update_status(|known| known.last_end = Some((pid, status)));
        }
        self.restart().await;
    }

    async fn kill(&mut self) {
        if let ProcessState::Running { process, .. } = &mut self.process_state
            && let Some(status) = process.kill().await
        {
            self.on_exit(status);
        }
    }

    fn on_exit(&mut self, status: ExitStatus) {
        let now = Instant::now();
        let (pid, lived) = match &self.process_state {
            ProcessState::Running { process, since } => (process.pid(), now - *since),
            ProcessState::Stopped | ProcessState::Waiting { .. } => return,
        };
        let again_in = self.wait(lived);
        self.update_status(|known| {
            known.state = PartState::Waiting;
            known.pid = None;
            known.last_end = Some((pid, status));
        });
        let part = self.spec.part;
        (self.settings.report)(LabEvent::Died { part, status, again_in });
    }

    async fn restart(&mut self) {
        let part = self.spec.part;
        let report = Arc::clone(&self.settings.report);
        match self.spawn().await {
            Ok(pid) => {
                self.update_status(|status| status.restarts += 1);
                let restarts = self.publish.borrow().restarts;
                report(LabEvent::Restarted { part, pid, restarts });
            }
            Err(cause) => {
                let again_in = self.wait(Duration::ZERO);
                let why = cause.to_string();
                report(LabEvent::NotRestarted { part, why, again_in });
            }
        }
    }

    fn wait(&mut self, lived: Duration) -> Duration {
        let again_in = restart_delay(&mut self.backoff, lived);
        self.process_state = ProcessState::Waiting { until: Instant::now() + again_in };
        again_in
    }

    fn update_status(&self, change: impl FnOnce(&mut PartStatus)) {
        self.publish.send_modify(change);
    }
}

/// The delay before the next start of a part that ran for `lived`.
fn restart_delay(backoff: &mut Backoff, lived: Duration) -> Duration {
    if lived >= STABLE_AFTER {
        backoff.reset();
    }
    backoff.next_delay()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restarts_in_a_row_wait_longer_and_a_stable_part_starts_over() {
        let mut backoff = Backoff::new(RESTART_DELAY, RESTART_DELAY_MAX);
        let delays: Vec<u128> =
            (0..8).map(|_| restart_delay(&mut backoff, Duration::ZERO).as_millis()).collect();
        assert_eq!(delays, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(restart_delay(&mut backoff, STABLE_AFTER), RESTART_DELAY);
    }
}
