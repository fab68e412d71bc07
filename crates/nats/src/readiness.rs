//! Readiness (`/readyz`): whether the broker is connected, can store, and has the stage's consumer.

use std::sync::Arc;

use async_nats::{Client, connection::State, jetstream};
use contract::{Stage, topology};
use futures_util::future::join;
use parking_lot::Mutex;
use runtime::admin::ReadinessCheck;

use crate::{
    error_code::is_missing,
    health_page::{HealthPage, HealthStatus},
};

/// Whether this process can handle jobs. Clones share it.
#[derive(Clone, Default)]
pub struct Readiness(Arc<Mutex<Phase>>);

#[derive(Clone)]
enum Phase {
    Waiting(&'static str),
    Connected(Box<Connected>),
}

#[derive(Clone)]
struct Connected {
    client: Client,
    jetstream: jetstream::Context,
    stage: Stage,
    health: Option<HealthPage>,
}

impl Default for Phase {
    fn default() -> Self {
        Self::Waiting("to start")
    }
}

impl Readiness {
    pub(crate) fn waiting(&self, what: &'static str) {
        self.set(Phase::Waiting(what));
    }

    pub(crate) fn connected(
        &self,
        client: Client,
        jetstream: jetstream::Context,
        stage: Stage,
        health: Option<HealthPage>,
    ) {
        self.set(Phase::Connected(Box::new(Connected { client, jetstream, stage, health })));
    }

    fn set(&self, phase: Phase) {
        *self.0.lock() = phase;
    }

    /// The checks in the form that the admin server takes.
    pub fn for_admin(&self) -> runtime::admin::ReadinessChecks {
        let readiness = self.clone();
        runtime::admin::ReadinessChecks::new(move || {
            let readiness = readiness.clone();
            async move { readiness.checks().await }
        })
    }

    /// The named checks, each with a reason where it fails.
    pub async fn checks(&self) -> Vec<ReadinessCheck> {
        let phase = self.0.lock().clone();
        match phase {
            Phase::Waiting(what) => {
                vec![ReadinessCheck::failed("broker", format!("waiting {what}"))]
            }
            // A request to a disconnected broker would exceed the admin server's timeout.
            Phase::Connected(at) if at.client.connection_state() != State::Connected => {
                vec![ReadinessCheck::failed("broker", "not connected; reconnecting")]
            }
            Phase::Connected(at) => {
                let checks = join(queue(&at.jetstream, at.stage), storage(at.health.as_ref()));
                let (queue, storage) = checks.await;
                let checks = [ReadinessCheck::ok("broker", "connected"), queue];
                checks.into_iter().chain(storage).collect()
            }
        }
    }
}

/// Whether the broker can store; `None` without a readable health page.
async fn storage(health: Option<&HealthPage>) -> Option<ReadinessCheck> {
    match health?.status().await {
        HealthStatus::Unknown => None,
        HealthStatus::Healthy => Some(ReadinessCheck::ok("storage", "can be written")),
        HealthStatus::Problem(problem) => {
            Some(ReadinessCheck::failed("storage", problem.to_string()))
        }
    }
}

/// A worker needs its consumer, the gateway the stream that it writes to.
async fn queue(jetstream: &jetstream::Context, stage: Stage) -> ReadinessCheck {
    let consumer = topology::CONSUMERS.into_iter().find(|consumer| consumer.stage == stage);
    let stream = consumer.map_or(topology::SUBMITTED, |consumer| consumer.stream);
    let found = match consumer {
        Some(consumer) => jetstream
            .get_consumer_from_stream::<jetstream::consumer::pull::Config, _, _>(
                consumer.stage.name(),
                stream.name,
            )
            .await
            .map(drop)
            .map_err(anyhow::Error::from),
        None => jetstream.get_stream(stream.name).await.map(drop).map_err(anyhow::Error::from),
    };
    match found {
        Ok(()) => ReadinessCheck::ok("queue", "there"),
        Err(error) if is_missing(&error) => {
            let what = consumer.map_or(String::new(), |consumer| format!("/{}", consumer.stage));
            let name = stream.name;
            ReadinessCheck::failed(
                "queue",
                format!("{name}{what} is missing: run `waybill topology apply`"),
            )
        }
        Err(error) => ReadinessCheck::failed("queue", format!("{}: {error}", stream.name)),
    }
}
