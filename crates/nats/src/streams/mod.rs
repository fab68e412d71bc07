//! The state of the streams and consumers, read for all who need it at the same time.
//!
//! - this file: reads them
//! - `view`: as `GET /v1/queues` shows them
//! - [`gauges`]: as metrics

pub mod gauges;

mod view;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use async_nats::jetstream::{consumer, stream};
use contract::topology::{CONSUMERS, Consumer, DEAD, STORES, WORK_QUEUES};
use futures_util::future::{join, join_all};
use tokio::sync::Mutex;

use crate::Connection;

/// Timeout for reading one stream or consumer.
const READ_TIMEOUT: Duration = Duration::from_secs(2);

/// Reads the state of every stream and consumer of the topology.
pub struct StreamMonitor {
    nats: Connection,
    last: Mutex<Option<Arc<StreamStates>>>,
}

/// The state of every stream and consumer at one time. What could not be read has its error.
pub struct StreamStates {
    at: Instant,
    /// Broker time, Unix nanoseconds.
    at_ns: i128,
    streams: Vec<(&'static str, anyhow::Result<stream::Info>)>,
    consumers: Vec<(Consumer, anyhow::Result<consumer::Info>)>,
}

impl StreamMonitor {
    /// A monitor of the streams behind this connection.
    pub fn new(nats: Connection) -> Self {
        Self { nats, last: Mutex::default() }
    }

    /// Reads everything now.
    pub async fn read(&self) -> StreamStates {
        StreamStates::read(&self.nats).await
    }

    /// The last result of this function if it is not older than `age_max`, else a new reading. Callers at the same time
    /// share it.
    pub async fn recent(&self, age_max: Duration) -> Arc<StreamStates> {
        let mut last = self.last.lock().await;
        if let Some(states) = last.as_ref().filter(|states| states.at.elapsed() < age_max) {
            return states.clone();
        }
        let states = Arc::new(self.read().await);
        *last = Some(states.clone());
        states
    }
}

impl StreamStates {
    async fn read(nats: &Connection) -> Self {
        let names =
            WORK_QUEUES.map(|queue| queue.name).into_iter().chain([DEAD.name]).chain(STORES);
        let streams = join_all(names.map(async |name| (name, stream_info(nats, name).await)));
        let consumers = join_all(
            CONSUMERS.map(async |consumer| (consumer, consumer_info(nats, consumer).await)),
        );
        let (streams, consumers) = join(streams, consumers).await;
        Self { at: Instant::now(), at_ns: nats.time.now_ns(), streams, consumers }
    }

    /// The state of a stream, if it could be read.
    pub fn stream(&self, name: &str) -> Option<&stream::Info> {
        self.stream_result(name)?.as_ref().ok()
    }

    /// The state of a consumer, if it could be read.
    pub fn consumer(&self, consumer: Consumer) -> Option<&consumer::Info> {
        self.consumer_result(consumer)?.as_ref().ok()
    }

    fn stream_result(&self, name: &str) -> Option<&anyhow::Result<stream::Info>> {
        self.streams.iter().find(|(known, _)| *known == name).map(|(_, info)| info)
    }

    fn consumer_result(&self, consumer: Consumer) -> Option<&anyhow::Result<consumer::Info>> {
        self.consumers.iter().find(|(known, _)| known.stage == consumer.stage).map(|(_, info)| info)
    }
}

async fn stream_info(nats: &Connection, name: &str) -> anyhow::Result<stream::Info> {
    let read = tokio::time::timeout(READ_TIMEOUT, nats.jetstream.get_stream(name)).await;
    Ok(read.context("the broker did not reply in time")??.cached_info().clone())
}

async fn consumer_info(nats: &Connection, consumer: Consumer) -> anyhow::Result<consumer::Info> {
    let read = tokio::time::timeout(READ_TIMEOUT, nats.consumer(consumer)).await;
    Ok(read.context("the broker did not reply in time")??.cached_info().clone())
}
