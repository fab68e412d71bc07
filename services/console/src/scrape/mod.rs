//! Fetches the services' metrics where no collector does, and puts them into the store as if one had.

mod config;
#[cfg(test)]
mod encoder;
mod otlp;
mod state;

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
use trace::openmetrics::{Exposition, NotOpenMetrics};

pub use config::{NotTargets, ScrapeConfig, Target, Targets};
pub(crate) use state::{Scraped, TargetHealth, TargetState};

use crate::fetch::{Fetcher, NoAnswer};
use crate::store::{Signal, Store};
use crate::work::Workers;

/// How long one scrape may take.
const SCRAPE_LIMIT: Duration = Duration::from_secs(2);

/// Largest answer.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The only form that carries exemplars.
const OPENMETRICS: &str = "application/openmetrics-text";

/// Why a scrape brought nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotScraped {
    #[error("it {0}")]
    NoAnswer(#[from] NoAnswer),
    #[error("its response has media type `{0}`, not OpenMetrics")]
    Media(String),
    #[error("its response is not UTF-8")]
    NotText,
    #[error("its response is not OpenMetrics: {0}")]
    Text(#[from] NotOpenMetrics),
    #[error("its response is not OpenMetrics: {0}")]
    Histogram(#[from] otlp::BadHistogram),
    #[error("the store refused its metrics: {0}")]
    Refused(#[from] crate::store::NotTaken),
}

/// Scrapes every target until `stop`; a slow one holds no other up.
pub(crate) async fn run(
    config: ScrapeConfig,
    store: Arc<Store>,
    state: Arc<Scraped>,
    fetcher: Fetcher,
    stop: CancellationToken,
) {
    let (mut loops, workers) = (JoinSet::new(), Workers::new(1));
    for (index, target) in config.scrape_targets.0.iter().cloned().enumerate() {
        let (store, state) = (Arc::clone(&store), Arc::clone(&state));
        let (fetcher, workers) = (fetcher.clone(), workers.clone());
        let mut ticks = interval(config.every());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loops.spawn(async move {
            loop {
                ticks.tick().await;
                let outcome = scrape(&target, &store, &fetcher, &workers).await;
                state.set(index, outcome);
            }
        });
    }
    stop.cancelled().await;
    loops.shutdown().await;
}

/// The client that scrapes.
pub(crate) fn fetcher() -> anyhow::Result<Fetcher> {
    Fetcher::new(SCRAPE_LIMIT)
}

/// One scrape. Says how many metrics came.
async fn scrape(
    target: &Target,
    store: &Arc<Store>,
    fetcher: &Fetcher,
    workers: &Workers,
) -> Result<usize, NotScraped> {
    let accept = format!("{OPENMETRICS}; version=1.0.0; charset=utf-8");
    let answer = fetcher.get(target.url.clone(), &accept, ANSWER_BYTES_MAX).await?;
    if answer.media.split(';').next().map(str::trim) != Some(OPENMETRICS) {
        return Err(NotScraped::Media(answer.media));
    }
    let (store, resource) = (Arc::clone(store), resource(target));
    workers.run(move || take(&store, resource, &answer.body)).await
}

/// Puts what was scraped into the store. Says how many metrics there are.
fn take(store: &Store, resource: Resource, text: &[u8]) -> Result<usize, NotScraped> {
    let text = std::str::from_utf8(text).map_err(|_| NotScraped::NotText)?;
    let metrics = otlp::metrics(Exposition::parse(text)?.families, now())?;
    let count = metrics.len();
    let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
    let sender =
        ResourceMetrics { resource: Some(resource), scope_metrics, ..ResourceMetrics::default() };
    let export = ExportMetricsServiceRequest { resource_metrics: vec![sender] };
    store.take(Signal::Metrics, &export.encode_to_vec())?;
    Ok(count)
}

/// The same attributes as a collector gives what it scraped.
fn resource(target: &Target) -> Resource {
    let host = target.url.host_str().unwrap_or_default();
    let port = target.url.port_or_known_default().unwrap_or_default();
    let attributes = vec![
        otlp::text("service.name", &*target.name),
        otlp::text("service.instance.id", format!("{host}:{port}")),
    ];
    Resource { attributes, ..Resource::default() }
}

/// Unix nanoseconds of true time, as exemplars carry it.
fn now() -> u64 {
    let since = Clock::new().true_now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
