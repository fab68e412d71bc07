//! The state shared by all handlers.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use bus::ServiceContext;
use runtime::{
    admin::{self, ReadinessCheck},
    names::Names,
    stop::Stop,
};
use tokio::time::timeout;

use crate::{
    Config, broker::Broker, capacity::Capacity, error::ApiError, index::Index,
    job_endpoints::image::ImagePermits, leases::Leases, storage_problem,
    webhook_policy::WebhookPolicy,
};

/// Timeout of the broker's readiness check: less than that of the admin server, so that the other checks are shown.
const CHECK_TIMEOUT: Duration = Duration::from_millis(700);

/// The state of the gateway. All but the broker is available from the start.
pub(crate) struct App {
    pub(crate) service: ServiceContext,
    pub(crate) index: Index,
    pub(crate) capacity: Capacity,
    /// Whether the workers of running jobs renew their leases.
    pub(crate) leases: Leases,
    pub(crate) targets: WebhookPolicy,
    /// The last results of the storage checks.
    pub(crate) storage_problems: storage_problem::StorageProblems,
    /// Permits for sending images.
    pub(crate) image_permits: ImagePermits,
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
            storage_problems: storage_problem::StorageProblems::default(),
            image_permits: ImagePermits::default(),
            stop,
            faults_on: config.bus.faults.is_on(),
            trust_traceparent: config.trust_traceparent,
            broker: OnceLock::new(),
        })
    }

    /// The broker, once connected. The connection may be lost again: requests to it have timeouts of their own.
    pub(crate) fn broker(&self) -> Result<&Broker, ApiError> {
        self.broker.get().ok_or_else(|| ApiError::broker_away("not connected yet"))
    }

    /// Sets the broker. Only the first call has an effect.
    pub(crate) fn set_broker(&self, broker: Broker) -> &Broker {
        self.broker.get_or_init(|| broker)
    }

    /// Ready when the broker is connected and the index knows every job.
    pub(crate) fn readiness(self: &Arc<Self>, broker: nats::Readiness) -> admin::ReadinessChecks {
        let app = self.clone();
        admin::ReadinessChecks::new(move || {
            let (app, broker) = (app.clone(), broker.clone());
            async move {
                let late = |_| vec![ReadinessCheck::failed("broker", "does not respond")];
                let mut checks = timeout(CHECK_TIMEOUT, broker.checks()).await.unwrap_or_else(late);
                checks.push(app.index.check());
                checks
            }
        })
    }
}
