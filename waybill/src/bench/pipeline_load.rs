//! Jobs through the whole pipeline, over HTTP: a fixed number at any moment, or at a steady rate.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use anyhow::{Context as _, ensure};
use client::{GatewayClient, JobRequest, http_builder};
use contract::state::Outcome;
use serde_json::json;
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep_until, timeout},
};
use url::Url;

use super::completions::CompletionListener;

/// Timeout of one submission.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// Timeout of one job.
const JOB_LIMIT: Duration = Duration::from_secs(30);
/// Failures that make a measurement invalid.
const FAILURES_MAX: u64 = 10;

/// Sends jobs to one lab and observes their ends.
pub(super) struct PipelineLoad {
    gateway: GatewayClient,
    /// The smallest job that passes all stages.
    job: JobRequest,
    ends: CompletionListener,
    done: AtomicU64,
    failed: AtomicU64,
}

impl PipelineLoad {
    /// For the lab with this gateway and this broker.
    pub(super) async fn new(gateway: &Url, broker: &str) -> anyhow::Result<Arc<Self>> {
        let gateway = GatewayClient::over(http_builder(ANSWER_LIMIT).build()?, gateway);
        let job = json!({"name": "bench", "operations": [{"kind": "add", "inputs": [1, 2]}]});
        let job = JobRequest::new(job);
        let ends = CompletionListener::listen(broker).await?;
        let (done, failed) = (AtomicU64::new(0), AtomicU64::new(0));
        Ok(Arc::new(Self { gateway, job, ends, done, failed }))
    }

    /// Jobs that have succeeded.
    pub(super) fn done(&self) -> u64 {
        self.done.load(Relaxed)
    }

    /// Keeps `in_flight` jobs unfinished, until dropped.
    pub(super) async fn keep_full(self: Arc<Self>, in_flight: usize) {
        let permits = Arc::new(Semaphore::new(in_flight));
        while let Ok(permit) = permits.clone().acquire_owned().await {
            let flow = self.clone();
            tokio::spawn(async move {
                let _counted = flow.one(Instant::now()).await;
                drop(permit);
            });
        }
    }

    /// Sends jobs at a steady rate; returns the latency of each, from the moment at which it was due (no
    /// coordinated omission).
    pub(super) async fn steady(self: &Arc<Self>, rate: f64, time: Duration) -> Vec<Duration> {
        let started_at = Instant::now();
        let mut sent = Vec::new();
        for number in 0_u32.. {
            let due = started_at + Duration::from_secs_f64(f64::from(number) / rate);
            if due >= started_at + time {
                break;
            }
            sleep_until(due).await;
            let flow = self.clone();
            sent.push(tokio::spawn(async move { flow.one(due).await }));
        }
        let mut took = Vec::with_capacity(sent.len());
        for job in sent {
            took.extend(job.await.ok().flatten());
        }
        took
    }

    /// An error if the measurement is invalid.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        ensure!(self.ends.is_alive(), "the subscription to completions has ended");
        let failed = self.failed.load(Relaxed);
        ensure!(failed <= FAILURES_MAX, "{failed} jobs were refused or did not succeed");
        Ok(())
    }

    async fn one(&self, due: Instant) -> Option<Duration> {
        let Ok(Ok(at)) = timeout(JOB_LIMIT, self.submit_and_wait()).await else {
            self.failed.fetch_add(1, Relaxed);
            return None;
        };
        self.done.fetch_add(1, Relaxed);
        Some(at.saturating_duration_since(due))
    }

    async fn submit_and_wait(&self) -> anyhow::Result<Instant> {
        let accepted = self.gateway.submit(&self.job).await?;
        let (at, outcome) =
            self.ends.of(accepted.id).await.context("the subscription to completions has ended")?;
        ensure!(outcome == Outcome::Succeeded, "the job was {}", outcome.name());
        Ok(at)
    }
}
