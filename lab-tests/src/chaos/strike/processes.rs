//! Faults of processes: aborted, killed, suspended, restarted.

use std::time::Duration;

use contract::Stage;
use lab::{Part, supervisor::PartState};
use tokio::time::sleep;

use super::{Proof, Striker, services};
use crate::chaos::{ledger::Expected, task::Task};

/// Timeout of a job that kills its workers, in addition to the ack waits of its take-overs.
const POISON_TIMEOUT: Duration = Duration::from_mins(1);
/// Take-overs of such a job, with a reserve for other faults.
const POISON_TAKEOVERS: u32 = 6;

/// Most jobs sent until one of them aborts its process, and the timeout for each.
const CRASH_JOBS_MAX: u32 = 3;
const CRASH_TIMEOUT: Duration = Duration::from_secs(13);

impl Striker {
    /// Sends a job that aborts its process at a boundary.
    pub(super) async fn crash(&self, at: usize, stage: Stage, boundary: &str) -> Proof {
        let before = self.restarts(stage);
        let mut proof = Err(String::new());
        // A job that is postponed before it reaches the boundary is redelivered without its fault.
        for n in 1..=CRASH_JOBS_MAX {
            let fault = format!("{stage}=crash:{boundary}@1");
            let name = format!("crash {n} at {at} of {stage} {boundary}");
            let expected = Expected::Succeeded(Some(3.0));
            self.load.send(&Task::with_fault(name, fault, expected, self.load.url())).await;
            let restarted = |all: &Self| all.restarts(stage) > before;
            proof = self
                .within(CRASH_TIMEOUT + self.ack_wait, "it aborted and was restarted", restarted)
                .await;
            if proof.is_ok() {
                break;
            }
        }
        proof
    }

    pub(super) async fn kill(&self, part: Part) -> Proof {
        let pid = |all: &Self| all.lab.part(part).ok().and_then(|status| status.pid);
        let before = pid(self);
        self.lab.kill(part).await.map_err(|error| error.to_string())?;
        self.until("another process is running", |all| {
            pid(all).is_some_and(|pid| Some(pid) != before)
        })
        .await
    }

    pub(super) async fn hold(&self, part: Part, lasts: Duration) -> Proof {
        let text = |error: lab::supervisor::PartError| error.to_string();
        self.lab.pause(part).await.map_err(text)?;
        sleep(lasts).await;
        let state = self.lab.part(part).map_err(text)?.state;
        self.lab.resume(part).await.map_err(text)?;
        if state == PartState::Paused {
            Ok("it was suspended".to_owned())
        } else {
            Err(format!("it was {state:?}"))
        }
    }

    /// Sends a job that aborts the process it runs in, and waits for its end. It kills a worker before it runs isolated;
    /// from then on only child processes.
    pub(super) async fn poison(&self, at: usize) -> Proof {
        let before = self.restarts(Stage::Processor);
        let name = format!("poison at {at}");
        let fault = "processor=crash:before_work".to_owned();
        let task = Task::with_fault(name.clone(), fault, Expected::Dead, self.load.url());
        self.load.send(&task).await;
        let limit = POISON_TIMEOUT + self.ack_wait * POISON_TAKEOVERS;
        self.within(limit, "it has ended", |all| all.ledger.has_ended(&name)).await?;
        match self.restarts(Stage::Processor) - before {
            killed @ 1.. => Ok(format!("it killed {killed} processors")),
            killed => Err(format!("it killed {killed} processors")),
        }
    }

    /// Every service, one after the other, as a new version would be rolled out.
    pub(super) async fn roll(&self) -> Proof {
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
