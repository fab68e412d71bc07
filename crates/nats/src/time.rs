//! The broker's clock, which all services share. Deadlines and job ids use it.
//!
//! The broker is read every `READ_INTERVAL`; in between, the local monotonic clock counts on.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ::time::{OffsetDateTime, format_description::well_known::Rfc3339};
use anyhow::Context as _;
use async_nats::Client;
use contract::{JobId, topology};
use serde::Deserialize;
use tokio::sync::watch;

/// Time between two readings of the broker's clock.
const READ_INTERVAL: Duration = Duration::from_secs(30);

/// A clock that follows the broker's. Clones share it.
#[derive(Clone)]
pub struct BrokerTime(Arc<watch::Receiver<Reading>>);

#[derive(Debug, Clone, Copy)]
struct Reading {
    broker_ns: i128,
    at: Instant,
}

#[derive(Deserialize)]
struct StreamInfo {
    ts: String,
}

impl BrokerTime {
    /// Reads the broker's time, and reads it again in the background until the last clone is dropped.
    pub async fn start(client: Client) -> anyhow::Result<Self> {
        let (sender, receiver) =
            watch::channel(read(&client).await.context("reading the broker's time")?);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = sender.closed() => return,
                    () = tokio::time::sleep(READ_INTERVAL) => {}
                }
                // A failed reading does no harm: the monotonic clock drifts by milliseconds an hour.
                if let Ok(reading) = read(&client).await {
                    sender.send_replace(reading);
                }
            }
        });
        Ok(Self(Arc::new(receiver)))
    }

    /// A clock that starts at `since_epoch` and is never read again.
    #[cfg(test)]
    pub(crate) fn fixed(since_epoch: Duration) -> Self {
        let broker_ns = i128::try_from(since_epoch.as_nanos()).unwrap_or(i128::MAX);
        Self(Arc::new(watch::channel(Reading { broker_ns, at: Instant::now() }).1))
    }

    /// Broker time in nanoseconds since the Unix epoch.
    pub fn now_ns(&self) -> i128 {
        let reading = *self.0.borrow();
        reading.broker_ns + i128::try_from(reading.at.elapsed().as_nanos()).unwrap_or(0)
    }

    /// Broker time in milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> i64 {
        i64::try_from(self.now_ns() / 1_000_000).unwrap_or(i64::MAX)
    }

    /// A fresh job id.
    pub fn new_job_id(&self) -> JobId {
        let ns = u64::try_from(self.now_ns()).unwrap_or(0);
        JobId::at(Duration::from_nanos(ns), rand::random())
    }
}

async fn read(client: &Client) -> anyhow::Result<Reading> {
    let sent = Instant::now();
    let subject = format!("$JS.API.STREAM.INFO.{}", topology::SUBMITTED.name);
    let reply = client.request(subject, "".into()).await?;
    let info: StreamInfo = serde_json::from_slice(&reply.payload)?;
    let broker_ns = OffsetDateTime::parse(&info.ts, &Rfc3339)?.unix_timestamp_nanos();
    // The broker read its clock some time between request and reply.
    Ok(Reading { broker_ns, at: sent + sent.elapsed() / 2 })
}
