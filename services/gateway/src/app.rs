//! What the handlers share.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use bus::ServiceContext;
use runtime::{
    admin::{self, Check},
    names::Names,
    stop::Stop,
};
use tokio::time::timeout;

use crate::{
    Config, broker::Broker, broker_truth, capacity::Capacity, error::ApiError, index::Index,
    jobs::image::Senders, leases::Leases, queues::Looks, webhook_policy::WebhookPolicy,
};

/// How long the broker may take to answer a readiness check: less than the admin server waits, so that
/// the other checks are shown.
const CHECK_TIME_MAX: Duration = Duration::from_millis(700);

/// The state of the gateway: everything but the broker is there from the start.
pub(crate) struct App {
    pub(crate) service: ServiceContext,
    pub(crate) index: Index,
    pub(crate) capacity: Capacity,
    /// Whether running jobs have a worker that lives.
    pub(crate) leases: Leases,
    pub(crate) targets: WebhookPolicy,
    /// The last look at the queues.
    pub(crate) looks: Looks,
    /// The last looks at whether the broker stores.
    pub(crate) storage: broker_truth::Looks,
    /// Who is sent a tile.
    pub(crate) senders: Senders,
    /// Ends event streams when the gateway drains.
    pub(crate) stop: Stop,
    /// Whether a request may carry faults.
    pub(crate) faults_on: bool,
    /// Whether a client's trace is continued.
    pub(crate) trust_traceparent: bool,
    broker: OnceLock<Broker>,
}

impl App {
    pub(crate) fn new(
        config: &Config,
        service: ServiceContext,
        stop: Stop,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            service,
            index: Index::default(),
            capacity: Capacity::default(),
            leases: Leases::default(),
            targets: WebhookPolicy::new(config.webhook_allow.clone(), Names::new(&config.names)?),
            looks: Looks::default(),
            storage: broker_truth::Looks::default(),
            senders: Senders::default(),
            stop,
            faults_on: config.bus.faults.is_on(),
            trust_traceparent: config.trust_traceparent,
            broker: OnceLock::new(),
        })
    }

    /// The broker, once it was reached. It may be away again: requests to it have their own limits.
    pub(crate) fn broker(&self) -> Result<&Broker, ApiError> {
        self.broker.get().ok_or_else(|| ApiError::broker_away("not connected yet"))
    }

    /// Says that the broker was reached. Only the first one counts.
    pub(crate) fn reached(&self, broker: Broker) -> &Broker {
        self.broker.get_or_init(|| broker)
    }

    /// Ready when the broker is there and the index knows every job.
    pub(crate) fn readiness(self: &Arc<Self>, broker: bus::Readiness) -> admin::Readiness {
        let app = self.clone();
        admin::Readiness::new(move || {
            let (app, broker) = (app.clone(), broker.clone());
            async move {
                let late = |_| vec![Check::failed("broker", "does not answer")];
                let mut checks =
                    timeout(CHECK_TIME_MAX, broker.checks()).await.unwrap_or_else(late);
                checks.push(app.index.check());
                checks
            }
        })
    }
}
