//! Faults of processes: abort, kill, suspend, restart.

use std::time::Duration;

use contract::Stage;
use lab::{Part, supervisor::PartState};
use tokio::time::sleep;

use super::{FaultInjector, Proof, services};
use crate::chaos::{job::ChaosJob, ledger::Expected};

/// Timeout of a poison job, in addition to the ack waits of its take-overs.
const POISON_TIMEOUT: Duration = Duration::from_mins(1);
/// Take-overs of a poison job, with a reserve for other faults.
const POISON_TAKEOVERS: u32 = 6;

/// Most jobs sent until one of them aborts its process, and the timeout for each.
const CRASH_JOBS_MAX: u32 = 3;
const CRASH_TIMEOUT: Duration = Duration::from_secs(13);

impl FaultInjector {
    /// Submits a job that aborts a service at a fault point.
    pub(super) async fn crash(&self, at: usize, stage: Stage, point: &str) -> Proof {
        let before = self.restarts(stage);
        let mut proof = Err(String::new());
        // The fault applies to the first delivery only: a job that is postponed first does not abort.
        for n in 1..=CRASH_JOBS_MAX {
            let fault = format!("{stage}=crash:{point}@1");
            let name = format!("crash {n} at {at} of {stage} {point}");
            let expected = Expected::Succeeded(Some(3.0));
            self.load.send(&ChaosJob::with_fault(name, fault, expected, self.load.url())).await;
            let restarted = |injector: &Self| injector.restarts(stage) > before;
            proof = self
                .wait_at_most(
                    CRASH_TIMEOUT + self.ack_wait,
                    "it aborted and was restarted",
                    restarted,
                )
                .await;
            if proof.is_ok() {
                break;
            }
        }
        proof
    }

    pub(super) async fn kill(&self, part: Part) -> Proof {
        let pid = |injector: &Self| injector.lab.part(part).ok().and_then(|status| status.pid);
        let before = pid(self);
        self.lab.kill(part).await.map_err(|error| error.to_string())?;
        self.wait_until("another process is running", |injector| {
            pid(injector).is_some_and(|pid| Some(pid) != before)
        })
        .await
    }

    pub(super) async fn suspend(&self, part: Part, duration: Duration) -> Proof {
        let text = |error: lab::supervisor::PartError| error.to_string();
        self.lab.pause(part).await.map_err(text)?;
        sleep(duration).await;
        let state = self.lab.part(part).map_err(text)?.state;
        self.lab.resume(part).await.map_err(text)?;
        if state == PartState::Paused {
            Ok("it was suspended".to_owned())
        } else {
            Err(format!("it was {state:?}"))
        }
    }

    /// Submits a job that aborts every process that runs it, and waits for its end. It aborts a processor first, then
    /// only child processes.
    pub(super) async fn poison(&self, at: usize) -> Proof {
        let before = self.restarts(Stage::Processor);
        let name = format!("poison at {at}");
        let fault = "processor=crash:before_work".to_owned();
        let job = ChaosJob::with_fault(name.clone(), fault, Expected::Dead, self.load.url());
        self.load.send(&job).await;
        let limit = POISON_TIMEOUT + self.ack_wait * POISON_TAKEOVERS;
        self.wait_at_most(limit, "it has ended", |injector| injector.ledger.has_ended(&name))
            .await?;
        match self.restarts(Stage::Processor) - before {
            killed @ 1.. => Ok(format!("it killed {killed} processors")),
            killed => Err(format!("it killed {killed} processors")),
        }
    }

    /// Restarts every service, one after the other.
    pub(super) async fn rolling_restart(&self) -> Proof {
        let mut killed = Vec::new();
        for part in services() {
            let stopped = self.lab.stop(part).await.map_err(|error| error.to_string())?;
            if stopped == lab::Stopped::Killed {
                killed.push(part.to_string());
            }
            self.lab.start(part).await.map_err(|error| error.to_string())?;
        }
        if killed.is_empty() {
            Ok("all drained in time".to_owned())
        } else {
            Err(format!("killed after the grace period: {killed:?}"))
        }
    }
}
