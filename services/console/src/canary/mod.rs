//! The canary: now and then a small job, followed through every signal as a user would.
//!
//! It shows whether the lab's signals can be trusted: the job is done, its trace is whole, its log lines are
//! found by its trace id, and an exemplar leads to a trace. A bucket shows its newest exemplar only, so
//! on a busy lab the canary's own are replaced before anybody fetches them. Then one passes that was made
//! after the canary's end and leads to a trace: what is checked is the way from a dot to a trace.

mod backends;
mod checks;
mod completeness;
mod config;
mod job;
mod local_store;
mod report;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use client::GatewayClient;
use contract::signals::{CANARY_CHECKS, CANARY_DURATION, canary};
use runtime::clock::Clock;
use telemetry::Metrics;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use url::Url;

pub use config::CanaryConfig;
pub(crate) use report::{Check, Outcome, Report};

use crate::fetch::Fetcher;
use crate::gateway::{Gateway, Whose};
use crate::store::{Store, TraceId};
use checks::Sought;
use job::Taken;
use report::Job;

/// How long one question may take.
const QUESTION_LIMIT: Duration = Duration::from_secs(5);

/// How long the gateway may take to be there at first; a lab that starts is no failure.
const START_LIMIT: Duration = Duration::from_secs(30);

/// What the other parts get to come up after the gateway.
const START_PAUSE: Duration = Duration::from_secs(5);

/// The canary and its latest report.
#[derive(Debug)]
pub(crate) struct Canary {
    config: CanaryConfig,
    gateway: GatewayClient,
    store: Arc<Store>,
    fetcher: Fetcher,
    metrics: Metrics,
    latest: Mutex<Option<Arc<Report>>>,
    /// The last logged outcome of each check.
    logged: Mutex<HashMap<&'static str, &'static str>>,
}

impl Canary {
    pub(crate) fn new(
        config: CanaryConfig,
        gateway: &Url,
        store: Arc<Store>,
        metrics: Metrics,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            config,
            gateway: job::gateway(gateway)?,
            store,
            fetcher: Fetcher::new(QUESTION_LIMIT)?,
            metrics,
            latest: Mutex::default(),
            logged: Mutex::default(),
        })
    }

    /// The interval; `None` when it is off.
    pub(crate) fn every(&self) -> Option<Duration> {
        self.config.every()
    }

    /// What came of the last one.
    pub(crate) fn latest(&self) -> Option<Arc<Report>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs one canary after the other, never two at the same time, until `stop`, which waits for none.
    pub(crate) async fn run(&self, gateway: &Gateway, stop: CancellationToken) {
        let Some(every) = self.every() else { return };
        let flights = async {
            let _ = timeout(START_LIMIT, until_there(gateway)).await;
            sleep(every.min(START_PAUSE)).await;
            let mut ticks = interval(every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let report = self.fly().await;
                self.report(&report);
                *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(report.into());
            }
        };
        stop.run_until_cancelled(Box::pin(flights)).await;
    }

    /// One canary, from its submission to its last check.
    async fn fly(&self) -> Report {
        let began = Instant::now();
        let mut seen = "the gateway has not responded".to_owned();
        let done = timeout(self.config.limit(), async {
            let taken = job::submit(&self.gateway).await.map_err(|why| (None, why))?;
            let ended = job::ended(&self.gateway, &taken, &mut seen).await;
            ended.map(|()| taken.clone()).map_err(|why| (Some(taken), why))
        });
        let taken = match done.await {
            Ok(Ok(taken)) => taken,
            Ok(Err((taken, missing))) => return Report::without_job(taken.as_ref(), missing),
            Err(_) => return Report::without_job(None, seen),
        };
        let (ended, ended_at) = (Clock::new().true_now(), Instant::now());
        self.observe(canary::JOB, ended_at - began, &taken);
        let outcome = Outcome::passed(ended_at - began, None);
        let mut checks = vec![Check { check: canary::JOB, outcome }];
        let Some(job) = Job::of(&taken) else {
            return Report::without_job(None, "the job has an invalid trace id".to_owned());
        };
        let sought = Sought {
            trace: job.trace,
            sampled: taken.root.sampled,
            ended,
            ended_at,
            deadline: ended_at + self.config.limit(),
        };
        for check in checks::run(self, sought).await {
            if let Outcome::Passed { seconds, .. } = check.outcome {
                self.observe(check.check, Duration::from_secs_f64(seconds), &taken);
            }
            checks.push(check);
        }
        Report { done: std::time::Instant::now(), job: Some(job), checks }
    }

    fn observe(&self, check: &str, took: Duration, taken: &Taken) {
        let span = telemetry::context::span_context(taken.root);
        self.metrics.observe_for(&CANARY_DURATION, &[check], took.as_secs_f64(), &span);
    }

    /// Counts every check, and logs changes since the last canary.
    fn report(&self, report: &Report) {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        let trace = report.job.as_ref().map(|job| job.trace.to_string()).unwrap_or_default();
        for Check { check, outcome } in &report.checks {
            self.metrics.count(&CANARY_CHECKS, &[check, outcome.word()]);
            let before = logged.insert(check, outcome.word());
            match outcome {
                Outcome::Failed { missing } if before != Some(canary::FAILED) => {
                    tracing::warn!(check, missing, %trace, "canary check failed");
                }
                Outcome::Passed { .. } if before == Some(canary::FAILED) => {
                    tracing::info!(check, %trace, "canary check passes again");
                }
                _ => {}
            }
        }
    }
}

impl Job {
    fn of(taken: &Taken) -> Option<Self> {
        let trace: TraceId = taken.accepted.trace_id.parse().ok()?;
        Some(Self { id: taken.accepted.id.to_string(), trace })
    }
}

impl Report {
    /// Without a job that succeeded there is nothing to look for.
    fn without_job(taken: Option<&Taken>, missing: String) -> Self {
        Self {
            done: std::time::Instant::now(),
            job: taken.and_then(Job::of),
            checks: vec![Check { check: canary::JOB, outcome: Outcome::Failed { missing } }],
        }
    }
}

/// Waits until the gateway answers.
async fn until_there(gateway: &Gateway) {
    while gateway.recent_jobs(Whose::Clients).await.is_err() {
        sleep(Duration::from_millis(500)).await;
    }
}

/// How an exemplar passed that was not the canary's own.
fn by_newer(trace: &str) -> String {
    format!("a newer job's exemplar leads to trace {trace}")
}
