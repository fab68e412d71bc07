//! Injected faults of single jobs.
//!
//! A fault names a stage, what goes wrong there and for how many runs: `processor=error@2` fails the
//! processor's first two runs. It travels with the job as baggage, so its neighbours stay healthy.
//! Faults take effect only if the process was started with faults on.

mod spec;

use std::time::Duration;

use contract::Stage;
pub use spec::{Fault, FaultKind, FaultPoint, NotAFault};
use tokio::sync::Semaphore;

/// How long a hanging handler hangs where no deadline ends it sooner.
const HANG: Duration = Duration::from_hours(1);
/// Handlers that hang in one process at once. One more fails instead, so that hanging jobs cannot take every slot.
const HANGS_MAX: usize = 8;
static HANGS: Semaphore = Semaphore::const_new(HANGS_MAX);

/// The faults that one job carries, and whether this process lets them act.
#[derive(Debug, Clone, Default)]
pub struct JobFaults {
    faults: Vec<Fault>,
}

/// The error of an injected fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("injected fault: {0}")]
pub struct Injected(pub FaultKind);

impl JobFaults {
    /// The faults in `header`. None when faults are `off`, or when the header makes no sense: it was
    /// checked where the job came in, and what is already under way must not fail for it.
    pub fn of(header: Option<&str>, on: bool) -> Self {
        match header {
            Some(header) if on => Self { faults: spec::parse(header).unwrap_or_default() },
            _ => Self::default(),
        }
    }

    /// The fault that fires at `stage` in run `run` (from 1) when it reaches `boundary`.
    pub fn at(&self, stage: Stage, run: u32, point: FaultPoint) -> Option<Fault> {
        self.faults.iter().find(|fault| fault.fires(stage, run, point)).copied()
    }
}

impl Fault {
    /// Executes the fault: sleeps, panics, aborts the process, or returns an error.
    ///
    /// # Panics
    /// That is what the fault `panic` is for.
    pub async fn act(&self) -> Result<(), Injected> {
        tracing::warn!(fault = %self, "fault fires");
        match self.kind {
            FaultKind::Error => Err(Injected(self.kind)),
            FaultKind::Latency => {
                tokio::time::sleep(self.latency).await;
                Ok(())
            }
            FaultKind::Hang => {
                if let Ok(_hanging) = HANGS.try_acquire() {
                    tokio::time::sleep(HANG).await;
                }
                Err(Injected(self.kind))
            }
            FaultKind::Panic => panic!("injected fault: panic"),
            FaultKind::Crash => std::process::abort(),
        }
    }
}

/// Checks a fault header, so that a wrong one is refused where it comes in.
pub fn check(header: &str) -> Result<(), NotAFault> {
    spec::parse(header).map(drop)
}
