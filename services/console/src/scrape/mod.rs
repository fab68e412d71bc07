//! Scrapes the services' metrics if no collector does, and stores them as a collector would send them.

mod config;
#[cfg(test)]
mod encoder;
mod error;
mod target_state;
mod to_otlp;

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;
use runtime::clock::Clock;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use trace::openmetrics::Exposition;

pub use config::{InvalidScrapeTargets, ScrapeConfig, ScrapeTarget, ScrapeTargets};
pub(crate) use target_state::{TargetHealth, TargetState, TargetStates};

use self::error::ScrapeError;
use crate::blocking_pool::BlockingPool;
use crate::fetch::Fetcher;
use crate::store::{Signal, Store};

/// How long one scrape may take.
const SCRAPE_LIMIT: Duration = Duration::from_secs(2);

/// Largest response.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The only text format with exemplars.
const OPENMETRICS: &str = "application/openmetrics-text";

/// Scrapes every target until `stop`; a slow target does not delay others.
pub(crate) async fn run(
    config: ScrapeConfig,
    store: Arc<Store>,
    states: Arc<TargetStates>,
    fetcher: Fetcher,
    stop: CancellationToken,
) {
    let (mut loops, pool) = (JoinSet::new(), BlockingPool::new(1));
    for (index, target) in config.scrape_targets.0.iter().cloned().enumerate() {
        let (store, states) = (Arc::clone(&store), Arc::clone(&states));
        let (fetcher, pool) = (fetcher.clone(), pool.clone());
        let mut ticks = interval(config.every());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loops.spawn(async move {
            loop {
                ticks.tick().await;
                let outcome = scrape(&target, &store, &fetcher, &pool).await;
                states.set(index, outcome);
            }
        });
    }
    stop.cancelled().await;
    loops.shutdown().await;
}

/// The HTTP client for scrapes.
pub(crate) fn fetcher() -> anyhow::Result<Fetcher> {
    Fetcher::new(SCRAPE_LIMIT)
}

/// One scrape; returns the number of metrics.
async fn scrape(
    target: &ScrapeTarget,
    store: &Arc<Store>,
    fetcher: &Fetcher,
    pool: &BlockingPool,
) -> Result<usize, ScrapeError> {
    let accept = format!("{OPENMETRICS}; version=1.0.0; charset=utf-8");
    let answer = fetcher.get(target.url.clone(), &accept, ANSWER_BYTES_MAX).await?;
    if answer.media.split(';').next().map(str::trim) != Some(OPENMETRICS) {
        return Err(ScrapeError::MediaType(answer.media));
    }
    let (store, resource) = (Arc::clone(store), resource(target));
    pool.run(move || store_metrics(&store, resource, &answer.body)).await
}

/// Stores the metrics of a response; returns their number.
fn store_metrics(store: &Store, resource: Resource, text: &[u8]) -> Result<usize, ScrapeError> {
    let text = std::str::from_utf8(text).map_err(|_| ScrapeError::NotUtf8)?;
    let metrics = to_otlp::metrics(Exposition::parse(text)?.families, now())?;
    let count = metrics.len();
    let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
    let sender =
        ResourceMetrics { resource: Some(resource), scope_metrics, ..ResourceMetrics::default() };
    let export = ExportMetricsServiceRequest { resource_metrics: vec![sender] };
    store.take(Signal::Metrics, &export.encode_to_vec())?;
    Ok(count)
}

/// The attributes that a collector adds to scraped metrics.
fn resource(target: &ScrapeTarget) -> Resource {
    let host = target.url.host_str().unwrap_or_default();
    let port = target.url.port_or_known_default().unwrap_or_default();
    let attributes = vec![
        to_otlp::attribute("service.name", &*target.name),
        to_otlp::attribute("service.instance.id", format!("{host}:{port}")),
    ];
    Resource { attributes, ..Resource::default() }
}

/// Unix nanoseconds, true time, like the timestamps of exemplars.
fn now() -> u64 {
    let since = Clock::new().true_now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
