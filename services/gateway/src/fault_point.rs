//! Where a request's injected faults act, as they do in the stages that take messages.

use contract::{Stage, propagation::BAGGAGE_FAULT};
use faults::{FaultPoint, JobFaults};
use opentelemetry::{Context, baggage::BaggageExt as _};

use crate::{broker::Broker, error::ApiError};

/// Lets the faults of the request under way act at `point`. Each request is a first run: whoever sends a
/// fault of the gateway again sees it again.
pub(crate) async fn reach(broker: &Broker, point: FaultPoint) -> Result<(), ApiError> {
    let context = Context::current();
    let carried = context.baggage().get(BAGGAGE_FAULT).map(ToString::to_string);
    let faults = JobFaults::of(carried.as_deref(), broker.bus.faults_on);
    match faults.at(Stage::Gateway, 1, point) {
        Some(fault) => fault.act().await.map_err(ApiError::internal),
        None => Ok(()),
    }
}
