//! Injected faults of requests.

use contract::{Stage, propagation::BAGGAGE_FAULT, signals};
use faults::{FaultPoint, JobFaults};
use opentelemetry::{Context, baggage::BaggageExt as _};

use crate::{broker::Broker, error::ApiError};

/// Triggers the faults of the current request at `point`. Every request counts as a first run: a repeated request with
/// a fault of the gateway triggers it again.
pub(crate) async fn reach(broker: &Broker, point: FaultPoint) -> Result<(), ApiError> {
    let context = Context::current();
    let carried = context.baggage().get(BAGGAGE_FAULT).map(ToString::to_string);
    let faults = JobFaults::of(carried.as_deref(), broker.jobs.faults_on);
    let Some(fault) = faults.at(Stage::Gateway, 1, point) else { return Ok(()) };
    let metrics = &broker.jobs.bus.service.metrics;
    metrics.count(&signals::FAULTS_FIRED, &[fault.kind.name()]);
    fault.act().await.map_err(ApiError::internal)
}
