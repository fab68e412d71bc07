//! What `/readyz` answers: whether the broker can be reached and the stage's consumer is there.

use std::sync::{Arc, Mutex, PoisonError};

use async_nats::{Client, connection::State, jetstream};
use contract::{Stage, topology};
use futures_util::future::join;
use runtime::admin::Check;

use crate::{
    health_page::{HealthPage, Look},
    storage::is_missing,
};

/// Whether this process can take jobs. Clones share it.
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
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = phase;
    }

    /// The checks as the admin server asks for them.
    pub fn for_admin(&self) -> runtime::admin::Readiness {
        let readiness = self.clone();
        runtime::admin::Readiness::new(move || {
            let readiness = readiness.clone();
            async move { readiness.checks().await }
        })
    }

    /// The named checks, each with a reason where it fails.
    pub async fn checks(&self) -> Vec<Check> {
        let phase = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match phase {
            Phase::Waiting(what) => vec![Check::failed("broker", format!("waiting {what}"))],
            // Asking a broker that is away would take longer than the admin server waits.
            Phase::Connected(at) if at.client.connection_state() != State::Connected => {
                vec![Check::failed("broker", "not connected; trying again")]
            }
            Phase::Connected(at) => {
                let looks = join(queue(&at.jetstream, at.stage), storage(at.health.as_ref()));
                let (queue, storage) = looks.await;
                let checks = [Check::ok("broker", "connected"), queue];
                checks.into_iter().chain(storage).collect()
            }
        }
    }
}

/// Whether the broker can store; nothing where its health page is not known or says nothing.
async fn storage(health: Option<&HealthPage>) -> Option<Check> {
    match health?.look().await {
        Look::Silent => None,
        Look::Well => Some(Check::ok("storage", "can be written")),
        Look::Problem(problem) => Some(Check::failed("storage", problem.to_string())),
    }
}

/// A worker needs its consumer; the gateway needs the stream it writes to.
async fn queue(jetstream: &jetstream::Context, stage: Stage) -> Check {
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
        Ok(()) => Check::ok("queue", "there"),
        Err(error) if is_missing(&error) => {
            let what = consumer.map_or(String::new(), |consumer| format!("/{}", consumer.stage));
            let name = stream.name;
            Check::failed("queue", format!("{name}{what} is missing: run `waybill topology apply`"))
        }
        Err(error) => Check::failed("queue", format!("{}: {error}", stream.name)),
    }
}
