//! Fetches the services' metrics where no collector does, and puts them into the store as if one had.

mod config;
#[cfg(test)]
mod encoder;
mod line;
mod otlp;
mod parse;
mod state;

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;
use service::clock::Clock;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

pub use config::{NotTargets, ScrapeConfig, Target, Targets};
pub(crate) use state::{Scraped, Standing, TargetState};

use crate::export::{Export, ResourceItems, ScopeItems};
use crate::fetch::{Fetcher, NoAnswer};
use crate::store::{Signal, Store};

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
    #[error("its answer is of type `{0}`, not OpenMetrics")]
    Media(String),
    #[error("its answer is not UTF-8")]
    NotText,
    #[error("its answer is not OpenMetrics: {0}")]
    Text(#[from] parse::NotOpenMetrics),
    #[error("its answer is not OpenMetrics: {0}")]
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
    let mut loops = JoinSet::new();
    for (index, target) in config.scrape_targets.0.iter().cloned().enumerate() {
        let (store, state, fetcher) = (Arc::clone(&store), Arc::clone(&state), fetcher.clone());
        let mut ticks = interval(config.every());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loops.spawn(async move {
            loop {
                ticks.tick().await;
                let outcome = scrape(&target, &store, &fetcher).await;
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
async fn scrape(target: &Target, store: &Store, fetcher: &Fetcher) -> Result<usize, NotScraped> {
    let accept = format!("{OPENMETRICS}; version=1.0.0; charset=utf-8");
    let answer = fetcher.get(target.url.clone(), &accept, ANSWER_BYTES_MAX).await?;
    if answer.media.split(';').next().map(str::trim) != Some(OPENMETRICS) {
        return Err(NotScraped::Media(answer.media));
    }
    let text = std::str::from_utf8(&answer.body).map_err(|_| NotScraped::NotText)?;
    let metrics = otlp::metrics(parse::parse(text)?, now())?;
    let items: Vec<_> = metrics.iter().map(|metric| Bytes::from(metric.encode_to_vec())).collect();
    let count = items.len();
    let scope = ScopeItems { items, ..ScopeItems::default() };
    let resource = ResourceItems {
        resource: resource(target).encode_to_vec().into(),
        scopes: vec![scope],
        ..ResourceItems::default()
    };
    store.take(Signal::Metrics, &Export { resources: vec![resource] })?;
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
