//! Interruptions in the stages without leases, the ingester and the notifier: counted in the record, from redelivery to
//! redelivery, so that a message that kills its process ends in the dead letters.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use anyhow::anyhow;
use contract::{
    record::{Handling, JobRecord},
    signals::{self, reason},
};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::{Bus, Delivery, Failure, RecordSession};

/// Counted interruptions after which a message becomes a dead letter: one beside others, three while no other suspect
/// was handled. The first delivery is not counted, so at most six processes are lost.
pub const STAGE_INTERRUPTIONS_MAX: u32 = 4;
/// Redelivery delay of a suspect while another one is handled.
const TURN_PAUSE: Duration = Duration::from_secs(1);
/// Tells this process from the one before it.
static PROCESS: LazyLock<u32> = LazyLock::new(rand::random);

/// One message at a time: those that were interrupted before, and may be what kills the process.
#[derive(Clone, Default)]
pub(crate) struct Suspects(Arc<Mutex<()>>);

/// Held while a redelivered message is handled.
#[must_use]
pub struct Turn {
    _guard: Option<OwnedMutexGuard<()>>,
}

impl Bus {
    /// Notes that this process handles a redelivered message, and whether the process before it was lost doing so.
    ///
    /// A message that was interrupted before waits for its turn: it fails with [`Failure::Postpone`] while another such
    /// message is handled. After [`STAGE_INTERRUPTIONS_MAX`] it fails with [`Failure::UsedUp`]. A first delivery passes.
    pub async fn begin_redelivered(
        &self,
        delivery: &Delivery,
        session: &RecordSession,
    ) -> Result<Turn, Failure> {
        if !delivery.redelivered {
            return Ok(Turn { _guard: None });
        }
        let record = session.record().await;
        let is_lost = self.is_lost(&record);
        let interruptions = record.interruptions.of(self.stage) + u32::from(is_lost);
        let guard = self.suspects.0.clone().try_lock_owned().ok();
        let used_up = interruptions >= STAGE_INTERRUPTIONS_MAX;
        let has_turn = !used_up && (interruptions == 0 || guard.is_some());
        let handling = has_turn.then(|| Handling { stage: self.stage, process: *PROCESS });
        let noted = session.change(|record| {
            record.interruptions.set(self.stage, interruptions);
            record.handling = handling;
            Ok(())
        });
        noted.await?;
        if is_lost {
            self.service.metrics.count(&signals::INTERRUPTIONS, &[self.stage.name()]);
        }
        if used_up {
            let why = format!("{interruptions} processes were lost while they handled it");
            return Err(Failure::interruptions_used_up(why));
        }
        if !has_turn {
            return Err(Failure::Postpone {
                reason: reason::NO_CAPACITY,
                cause: anyhow!("another message that was interrupted before is handled first"),
                after: TURN_PAUSE,
            });
        }
        Ok(Turn { _guard: guard.filter(|_| interruptions > 0) })
    }

    fn is_lost(&self, record: &JobRecord) -> bool {
        record
            .handling
            .is_some_and(|handling| handling.stage == self.stage && handling.process != *PROCESS)
    }
}
