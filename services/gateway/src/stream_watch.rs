//! Reads the state of all streams once a second, for everything in the gateway that depends on it.

use std::time::Duration;

use contract::topology::{DEAD, LIMITED_STORES};
use nats::streams::gauges;
use runtime::stop::Stop;
use tokio::time::sleep;

use crate::{app::App, broker::Broker};

/// Time between two readings.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// The stream of the job records.
const RECORDS: &str = LIMITED_STORES[0];

/// Reads the streams until the stop. What a reading does not have keeps its last value.
pub(crate) async fn watch(app: &App, broker: &Broker, stop: &Stop) {
    let polls = async {
        loop {
            poll(app, broker).await;
            sleep(POLL_INTERVAL).await;
        }
    };
    stop.soft.run_until_cancelled(polls).await;
}

async fn poll(app: &App, broker: &Broker) {
    // Taken first: what is written or deleted during the reading must not look like a loss.
    let (indexed, deletes) = (app.index.extent(), broker.losses.deletes());
    let states = broker.streams.read().await;
    let metrics = &app.service.metrics;
    if let Some(records) = states.stream(RECORDS) {
        app.index.compare(indexed, &records.state);
    }
    if let Some(dead) = states.stream(DEAD.name) {
        broker.losses.note(deletes, &dead.state, metrics);
    }
    app.capacity.note(&states);
    app.leases.note(&states, &app.index, &broker.jobs.bus);
    match states.queue_list() {
        Ok(list) => gauges::set(metrics, &list),
        Err(error) => tracing::debug!(%error, "read queues and stores failed"),
    }
}
