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

/// Most writes per pull.
const BATCH: usize = 500;
const PULL_WAIT: Duration = Duration::from_secs(1);
const RETRY_DELAY: Duration = Duration::from_millis(200);
/// Inactivity threshold of the ephemeral consumers.
const INACTIVE_AFTER: Duration = Duration::from_secs(10);

/// The first write of a terminal state of a job.
#[derive(Debug, Clone)]
pub struct JobEnd {
    /// Name of the job.
    pub name: String,
    /// 32 hex digits.
    pub trace_id: String,
    /// When the broker stored the write, in Unix milliseconds.
    pub at_ms: i64,
}

/// Records every write in the ledger and sends every job end to `ends`. Returns when the receiver is dropped.
pub async fn follow(nats: async_nats::Client, ledger: Ledger, ends: mpsc::Sender<JobEnd>) {
    let jetstream = jetstream::new(nats);
    let mut last = 0;
    loop {
        let Ok(mut batch) = writes_after(&jetstream, last).await else {
            tokio::time::sleep(RETRY_DELAY).await;
            continue;
        };
        while let Some(Ok(message)) = batch.next().await {
            let Some((seq, at_ms)) = sequence_and_time(&message) else { break };
            last = seq;
            let Ok(record) = serde_json::from_slice::<JobRecord>(&message.payload) else {
                continue;
            };
            if ledger.record_write(&record) {
                let ended = JobEnd { name: record.name, trace_id: record.trace_id, at_ms };
                if ends.send(ended).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// The writes after sequence `last`. Creates a consumer for each batch, so that messages in flight when the broker went
/// down are delivered again.
async fn writes_after(
    jetstream: &jetstream::Context,
    last: u64,
) -> Result<pull::Batch, async_nats::Error> {
    let settings = pull::Config {
        ack_policy: AckPolicy::None,
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: last + 1 },
        inactive_threshold: INACTIVE_AFTER,
        ..Default::default()
    };
    // The stream behind the bucket of job records.
    let stream = jetstream.get_stream_no_info(topology::STORES[0]).await?;
    let consumer = stream.create_consumer(settings).await?;
    Ok(consumer.batch().max_messages(BATCH).expires(PULL_WAIT).messages().await?)
}

fn sequence_and_time(message: &Message) -> Option<(u64, i64)> {
    let info = message.info().ok()?;
    let at_ms = i64::try_from(info.published.unix_timestamp_nanos() / 1_000_000).ok()?;
    Some((info.stream_sequence, at_ms))
}
