//! What every part of a job's life needs.

use std::sync::Arc;

use bus::Bus;

use crate::{payloads::Payloads, records::Records, results::Results};

/// The stores of jobs beside the bus. Clones share them.
#[derive(Clone)]
pub struct Jobs {
    /// Publishes and receives messages.
    pub bus: Arc<Bus>,
    /// The job records.
    pub records: Records,
    /// Results and tiles.
    pub results: Results,
    /// The specs of jobs, for services that hold no message of the job.
    pub payloads: Payloads,
    /// Whether injected faults take effect.
    pub faults_on: bool,
}

impl Jobs {
    /// Opens the stores, which the topology step must have created.
    pub async fn open(bus: Arc<Bus>, faults_on: bool) -> anyhow::Result<Self> {
        let jetstream = &bus.nats.jetstream;
        let records = Records::open(jetstream).await?;
        let results = Results::open(jetstream).await?;
        let payloads = Payloads::open(jetstream).await?;
        Ok(Self { bus, records, results, payloads, faults_on })
    }

    /// The displayed time, Unix milliseconds.
    pub(crate) fn stamp_ms(&self) -> i64 {
        self.bus.service.clock.stamp_ms()
    }

    /// Time since `entry` was written; see [`nats::Connection::unwritten_for`].
    pub fn unwritten_for(&self, entry: &crate::records::Entry) -> std::time::Duration {
        self.bus.nats.unwritten_for(entry.written_at_ns)
    }
}
