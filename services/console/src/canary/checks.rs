//! The checks of one canary, side by side, each until it passes or its time is over.

use std::future::Future;
use std::time::{Duration, SystemTime};

use contract::signals::canary;
use tokio::time::{Instant, sleep_until, timeout_at};
use url::Url;

use super::report::{Check, Outcome};
use super::{Canary, backends, by_newer, local_store};
use crate::store::TraceId;

/// Pause between two looks into the console's own store.
const PAUSE_HERE: Duration = Duration::from_millis(100);

/// Pause between two questions to a backend.
const PAUSE_THERE: Duration = Duration::from_millis(500);

/// Outcome of checks of an unsampled trace.
const UNSAMPLED: Outcome = Outcome::Skipped { why: "the trace is not sampled" };

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sought {
    pub(super) trace: TraceId,
    pub(super) sampled: bool,
    /// When the job had ended, by true time, as exemplars carry it.
    pub(super) ended: SystemTime,
    /// The same by the monotonic clock.
    pub(super) ended_at: Instant,
    /// When looking ends.
    pub(super) deadline: Instant,
}

type Found = Result<Option<String>, String>;

/// Runs every check that has a place to look in.
pub(super) async fn run(canary: &Canary, sought: Sought) -> Vec<Check> {
    let Canary { config, store, fetcher, .. } = canary;
    let Sought { trace: id, ended, .. } = sought;
    let fetch = |url: &Option<Url>| url.clone().map(|url| (fetcher.clone(), url));
    let here = |found: Result<(), String>| async move { found.map(|()| None) };
    let (trace, log, exemplar, tempo, loki, prometheus) = tokio::join!(
        sampled(sought, poll(sought, PAUSE_HERE, || here(local_store::trace(store, id)))),
        poll(sought, PAUSE_HERE, || here(local_store::log(store, id))),
        sampled(
            sought,
            poll(sought, PAUSE_HERE, || async move { local_store::exemplar(store, id, ended) })
        ),
        at(fetch(&config.canary_tempo_url), |(fetcher, url)| async move {
            let look = || async { backends::trace(&fetcher, &url, id).await.map(|()| None) };
            sampled(sought, poll(sought, PAUSE_THERE, look)).await
        }),
        at(fetch(&config.canary_loki_url), |(fetcher, url)| async move {
            let look = || async { backends::log(&fetcher, &url, id).await.map(|()| None) };
            poll(sought, PAUSE_THERE, look).await
        }),
        at(fetch(&config.canary_prometheus_url), |(_, url)| async move {
            let look = || async { in_prometheus(canary, &url, sought).await };
            sampled(sought, poll(sought, PAUSE_THERE, look)).await
        }),
    );
    [
        (canary::TRACE, Some(trace)),
        (canary::LOG, Some(log)),
        (canary::EXEMPLAR, Some(exemplar)),
        (canary::TEMPO, tempo),
        (canary::LOKI, loki),
        (canary::PROMETHEUS, prometheus),
    ]
    .into_iter()
    .filter_map(|(check, outcome)| Some(Check { check, outcome: outcome? }))
    .collect()
}

/// Looks again and again; at the end the last look's words say what is missing.
async fn poll<F>(sought: Sought, interval: Duration, mut look: impl FnMut() -> F) -> Outcome
where
    F: Future<Output = Found>,
{
    let mut missing = "timed out before the first check".to_owned();
    loop {
        match timeout_at(sought.deadline, look()).await {
            Ok(Ok(how)) => return Outcome::passed(sought.ended_at.elapsed(), how),
            Ok(Err(what)) => missing = what,
            Err(_) => return Outcome::Failed { missing },
        }
        let next = Instant::now() + interval;
        if next >= sought.deadline {
            return Outcome::Failed { missing };
        }
        sleep_until(next).await;
    }
}

async fn sampled(sought: Sought, check: impl Future<Output = Outcome>) -> Outcome {
    if sought.sampled { check.await } else { UNSAMPLED }
}

async fn at<T, F>(place: Option<T>, check: impl FnOnce(T) -> F) -> Option<Outcome>
where
    F: Future<Output = Outcome>,
{
    match place {
        Some(place) => Some(check(place).await),
        None => None,
    }
}

/// An exemplar in Prometheus that leads to a trace: in Tempo where there is one, else here.
async fn in_prometheus(canary: &Canary, url: &Url, sought: Sought) -> Found {
    let found = backends::exemplars(&canary.fetcher, url, sought.trace, sought.ended).await?;
    if found.own {
        return Ok(None);
    }
    for trace in &found.newer {
        let is_there = match &canary.config.canary_tempo_url {
            Some(tempo) => backends::fetch_trace(&canary.fetcher, tempo, *trace).await?.is_some(),
            None => canary.store.has(*trace, None),
        };
        if is_there {
            return Ok(Some(by_newer(&trace.to_string())));
        }
    }
    Err(if found.newer.is_empty() {
        "Prometheus has no exemplar of this job or a newer one".to_owned()
    } else {
        "Prometheus has newer exemplars, but their traces are not found".to_owned()
    })
}
