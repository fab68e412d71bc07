//! Follows every write to the job records, on a separate connection.

use std::time::Duration;

use async_nats::jetstream::{
    self, Message,
    consumer::{AckPolicy, DeliverPolicy, pull},
};
use contract::{record::JobRecord, topology};
use futures_util::StreamExt;
use tokio::sync::mpsc;

use super::ledger::Ledger;

/// Writes per pull.
const BATCH: usize = 500;
const PULL_WAIT: Duration = Duration::from_secs(1);
const RETRY_DELAY: Duration = Duration::from_millis(200);
/// Inactivity threshold of the consumers of the harness.
const INACTIVE_AFTER: Duration = Duration::from_secs(10);

/// The end of a job, as stored by the broker.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The job's name.
    pub name: String,
    /// Its trace, as 32 hex digits.
    pub trace_id: String,
    /// When the broker stored it, in Unix milliseconds.
    pub at_ms: i64,
}

/// Records every write in the ledger, and sends every end to `ends`; until it is dropped.
pub async fn follow(nats: async_nats::Client, ledger: Ledger, ends: mpsc::Sender<Ended>) {
    let jetstream = jetstream::new(nats);
    let mut seen = 0;
    loop {
        let Ok(mut batch) = after(&jetstream, seen).await else {
            tokio::time::sleep(RETRY_DELAY).await;
            continue;
        };
        while let Some(Ok(message)) = batch.next().await {
            let Some((seq, at_ms)) = place(&message) else { break };
            seen = seq;
            let Ok(record) = serde_json::from_slice::<JobRecord>(&message.payload) else {
                continue;
            };
            if ledger.wrote(&record) {
                let ended = Ended { name: record.name, trace_id: record.trace_id, at_ms };
                if ends.send(ended).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// The writes after the one at `seen`. Uses a new consumer each time: messages in flight when the broker went down
/// are requested again.
async fn after(
    jetstream: &jetstream::Context,
    seen: u64,
) -> Result<pull::Batch, async_nats::Error> {
    let settings = pull::Config {
        ack_policy: AckPolicy::None,
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: seen + 1 },
        inactive_threshold: INACTIVE_AFTER,
        ..Default::default()
    };
    // The stream behind the bucket of job records.
    let stream = jetstream.get_stream_no_info(topology::STORES[0]).await?;
    let consumer = stream.create_consumer(settings).await?;
    Ok(consumer.batch().max_messages(BATCH).expires(PULL_WAIT).messages().await?)
}

fn place(message: &Message) -> Option<(u64, i64)> {
    let info = message.info().ok()?;
    let at_ms = i64::try_from(info.published.unix_timestamp_nanos() / 1_000_000).ok()?;
    Some((info.stream_sequence, at_ms))
}
