//! What `/readyz` answers: whether the broker can be reached and the stage's consumer is there.

use std::sync::{Arc, Mutex, PoisonError};

use async_nats::{Client, connection::State, jetstream};
use contract::{Stage, topology};
use service::admin::Check;

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

    pub(crate) fn connected(&self, client: Client, jetstream: jetstream::Context, stage: Stage) {
        self.set(Phase::Connected(Box::new(Connected { client, jetstream, stage })));
    }

    fn set(&self, phase: Phase) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = phase;
    }

    /// The checks as the admin server asks for them.
    pub fn for_admin(&self) -> service::admin::Readiness {
        let readiness = self.clone();
        service::admin::Readiness::new(move || {
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
                vec![Check::ok("broker", "connected"), queue(&at.jetstream, at.stage).await]
            }
        }
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
            .map_err(|error| error.to_string()),
        None => {
            jetstream.get_stream(stream.name).await.map(drop).map_err(|error| error.to_string())
        }
    };
    match found {
        Ok(()) => Check::ok("queue", "there"),
        Err(error) => Check::failed("queue", format!("{}: {error}", stream.name)),
    }
}
