//! Redeliveries in the stages without leases, the ingester and the notifier. Interruptions are counted in the record, so
//! that a message that kills its process is dead-lettered in the end.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use anyhow::anyhow;
use bus::{Delivery, Failure};
use contract::{
    Stage,
    record::{Handling, JobRecord},
    signals::{self, reason},
};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::{Jobs, RecordSession};

/// Counted interruptions after which a message is dead-lettered: one of them beside other messages, three while no other
/// interrupted message was handled. The first delivery is not counted, so at most six processes are lost.
pub const STAGE_INTERRUPTIONS_MAX: u32 = 4;
/// Redelivery delay of an interrupted message while another one is handled.
const LOCKED_DELAY: Duration = Duration::from_secs(1);
/// Distinguishes this process from the one before it.
static PROCESS: LazyLock<u32> = LazyLock::new(rand::random);

/// The redelivered messages of one worker: of those that were interrupted, it lets one be handled at a time, because it
/// may be the one that kills the process.
#[derive(Default)]
pub struct Redeliveries(Arc<Mutex<()>>);

/// Must be held while a redelivered message is handled.
#[must_use]
pub struct RedeliveryGuard {
    _guard: Option<OwnedMutexGuard<()>>,
}

impl Redeliveries {
    /// Records that this process handles a redelivered message, and counts an interruption if the process before it was
    /// lost meanwhile. Does nothing on a first delivery.
    ///
    /// Fails with [`Failure::Postpone`] if the message was interrupted before and another such message is being handled,
    /// and with [`Failure::UsedUp`] after [`STAGE_INTERRUPTIONS_MAX`].
    pub async fn start(
        &self,
        jobs: &Jobs,
        delivery: &Delivery,
        session: &RecordSession,
    ) -> Result<RedeliveryGuard, Failure> {
        if !delivery.redelivered {
            return Ok(RedeliveryGuard { _guard: None });
        }
        let record = session.record().await;
        let stage = jobs.bus.stage;
        let is_lost = is_lost(&record, stage);
        let interruptions = record.interruptions.of(stage) + u32::from(is_lost);
        let guard = self.0.clone().try_lock_owned().ok();
        let used_up = interruptions >= STAGE_INTERRUPTIONS_MAX;
        let may_handle = !used_up && (interruptions == 0 || guard.is_some());
        let handling = may_handle.then(|| Handling { stage, process: *PROCESS });
        let noted = session.change(|record| {
            record.interruptions.set(stage, interruptions);
            record.handling = handling;
            Ok(())
        });
        noted.await?;
        if is_lost {
            jobs.bus.service.metrics.count(&signals::INTERRUPTIONS, &[stage.name()]);
        }
        if used_up {
            let why = format!("{interruptions} processes were lost while they handled it");
            return Err(Failure::interruptions_used_up(why));
        }
        if !may_handle {
            return Err(Failure::Postpone {
                reason: reason::NO_CAPACITY,
                cause: anyhow!("another interrupted message is being handled"),
                after: LOCKED_DELAY,
            });
        }
        Ok(RedeliveryGuard { _guard: guard.filter(|_| interruptions > 0) })
    }
}

fn is_lost(record: &JobRecord, stage: Stage) -> bool {
    record.handling.is_some_and(|handling| handling.stage == stage && handling.process != *PROCESS)
}
