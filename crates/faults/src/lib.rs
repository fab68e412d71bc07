//! Faults injected into single jobs.
//!
//! A fault names a stage, a kind and a number of runs: `processor=error@2` fails the processor's first two runs. Faults
//! are baggage of their job, so other jobs are not affected. They take effect only in processes started with faults on.

mod spec;

use std::time::Duration;

use contract::Stage;
pub use spec::{Fault, FaultKind, FaultPoint, InvalidFault};
use tokio::sync::Semaphore;

/// How long a handler hangs, unless a deadline ends it sooner.
const HANG: Duration = Duration::from_hours(1);
/// Maximum number of handlers that hang in one process at the same time. Further ones fail instead, so that some slots
/// stay free.
const HANGS_MAX: usize = 8;
static HANGS: Semaphore = Semaphore::const_new(HANGS_MAX);

/// The faults of one job that take effect in this process.
#[derive(Debug, Clone, Default)]
pub struct JobFaults {
    faults: Vec<Fault>,
}

/// The error of an injected fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("injected fault: {0}")]
pub struct InjectedFault(pub FaultKind);

impl JobFaults {
    /// The faults in `header`; none if `on` is false or the header is invalid. The gateway rejects invalid headers, so a job
    /// that was accepted does not fail because of its header.
    pub fn of(header: Option<&str>, on: bool) -> Self {
        match header {
            Some(header) if on => Self { faults: spec::parse(header).unwrap_or_default() },
            _ => Self::default(),
        }
    }

    /// The fault that fires at `stage` in run `run` (from 1) when it reaches `point`.
    pub fn at(&self, stage: Stage, run: u32, point: FaultPoint) -> Option<Fault> {
        self.faults.iter().find(|fault| fault.fires(stage, run, point)).copied()
    }
}

impl Fault {
    /// Executes the fault: sleeps, panics, aborts the process, or returns an error.
    ///
    /// # Panics
    /// With the fault `panic`.
    pub async fn act(&self) -> Result<(), InjectedFault> {
        tracing::warn!(fault = %self, "fault fires");
        match self.kind {
            FaultKind::Error => Err(InjectedFault(self.kind)),
            FaultKind::Latency => {
                tokio::time::sleep(self.latency).await;
                Ok(())
            }
            FaultKind::Hang => {
                if let Ok(_hanging) = HANGS.try_acquire() {
                    tokio::time::sleep(HANG).await;
                }
                Err(InjectedFault(self.kind))
            }
            FaultKind::Panic => panic!("injected fault: panic"),
            FaultKind::Crash => std::process::abort(),
        }
    }
}

/// Checks a fault header, so that an invalid one is rejected at submission.
pub fn check(header: &str) -> Result<(), InvalidFault> {
    spec::parse(header).map(drop)
}
