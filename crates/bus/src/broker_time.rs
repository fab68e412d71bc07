//! Time as the broker tells it: the same for all services, whatever their own clocks say.
//!
//! Deadlines and ids use it. Between two readings it goes on with the monotonic clock.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use async_nats::Client;
use contract::{JobId, topology};
use serde::Deserialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::sync::watch;

/// Time between two readings.
const READ_EVERY: Duration = Duration::from_secs(30);

/// A clock set by the broker. Clones share it.
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
    /// Reads the broker's time and goes on reading it in the background while a clone lives.
    pub async fn start(client: Client) -> anyhow::Result<Self> {
        let (sender, receiver) =
            watch::channel(read(&client).await.context("reading the broker's time")?);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = sender.closed() => return,
                    () = tokio::time::sleep(READ_EVERY) => {}
                }
                // Without a reading the monotonic clock carries on: it drifts by milliseconds an hour.
                if let Ok(reading) = read(&client).await {
                    sender.send_replace(reading);
                }
            }
        });
        Ok(Self(Arc::new(receiver)))
    }

    /// A clock that was read once, at `since_epoch`.
    #[cfg(test)]
    pub(crate) fn fixed(since_epoch: Duration) -> Self {
        let broker_ns = i128::try_from(since_epoch.as_nanos()).unwrap_or(i128::MAX);
        Self(Arc::new(watch::channel(Reading { broker_ns, at: Instant::now() }).1))
    }

    /// Nanoseconds since the Unix epoch, by the broker.
    pub fn now_ns(&self) -> i128 {
        let reading = *self.0.borrow();
        reading.broker_ns + i128::try_from(reading.at.elapsed().as_nanos()).unwrap_or(0)
    }

    /// Milliseconds since the Unix epoch, by the broker.
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
    let asked = Instant::now();
    let subject = format!("$JS.API.STREAM.INFO.{}", topology::SUBMITTED.name);
    let answer = client.request(subject, "".into()).await?;
    let info: StreamInfo = serde_json::from_slice(&answer.payload)?;
    let broker_ns = OffsetDateTime::parse(&info.ts, &Rfc3339)?.unix_timestamp_nanos();
    // The broker looked at its clock somewhere between question and answer.
    Ok(Reading { broker_ns, at: asked + asked.elapsed() / 2 })
}
