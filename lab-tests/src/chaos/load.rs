//! Submits the jobs, open loop; each submission is retried until it is accepted.

use std::{sync::Arc, time::Duration};

use client::{ClientError, GatewayClient, JobRequest, NoResponse, http_builder};
use contract::{JobId, Stage, api::JobView};
use runtime::clock::Clock;
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep},
};
use url::Url;

use super::{
    job::{ChaosJob, SubmitApi},
    ledger::Ledger,
};

/// Request timeout.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Delay between two requests of a client.
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// Timeout of a submission with all its retries.
const SUBMIT_TIMEOUT: Duration = Duration::from_mins(2);
/// Delay until some clients repeat an accepted submission.
const REPEAT_AFTER: Duration = Duration::from_millis(700);
/// Most concurrent clients. At this limit, the rate drops.
const CLIENTS_MAX: usize = 1_000;

/// The result of one request.
enum SubmitResult {
    /// 202, with the id unless it is an event.
    Accepted(Option<JobId>),
    /// Another status, a timeout, or no connection.
    Refused,
    /// The connection was closed before the response.
    ConnectionClosed,
}

/// The clients of one run.
#[derive(Debug)]
pub struct ChaosLoad {
    gateway: GatewayClient,
    ledger: Ledger,
    /// The URL of the webhook receiver.
    url: String,
    seed: u64,
    sent: watch::Sender<usize>,
    refused: watch::Sender<usize>,
}

impl ChaosLoad {
    /// Clients of the gateway at `gateway`; notifications go to `url`.
    pub fn new(gateway: &Url, url: String, seed: u64, ledger: Ledger) -> Arc<Self> {
        let http = http_builder(REQUEST_TIMEOUT).build();
        let http = http.expect("the HTTP client can be built");
        let gateway = GatewayClient::over(http, gateway);
        let (sent, refused) = (watch::Sender::new(0), watch::Sender::new(0));
        Arc::new(Self { gateway, ledger, url, seed, sent, refused })
    }

    /// Submits `jobs` jobs at `rate` per second, and waits until each is accepted or has timed out.
    pub async fn run(self: Arc<Self>, jobs: usize, rate: f64) {
        let clients = Arc::new(Semaphore::new(CLIENTS_MAX));
        let mut ticks = interval(Duration::from_secs_f64(1.0 / rate));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut running = JoinSet::new();
        for n in 0..jobs {
            ticks.tick().await;
            let permit = clients.clone().acquire_owned().await.expect("it is never closed");
            let load = self.clone();
            running.spawn(async move {
                load.client(n).await;
                drop(permit);
            });
            self.sent.send_modify(|sent| *sent += 1);
            while running.try_join_next().is_some() {}
        }
        running.join_all().await;
    }

    async fn client(&self, n: usize) {
        let job = self.nth_job(n);
        self.send(&job).await;
        if job.repeated {
            sleep(REPEAT_AFTER).await;
            self.send(&job).await;
        }
    }

    /// Job `n` of the run.
    pub fn nth_job(&self, n: usize) -> ChaosJob {
        ChaosJob::random(self.seed, n, &self.url)
    }

    /// The URL of the webhook receiver.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Submits a job until it is accepted, always with the same idempotency key.
    pub async fn send(&self, job: &ChaosJob) {
        let now_ms = Clock::new().stamp_ms();
        self.ledger.submitting(&job.name, job.expected, job.expects_notification, now_ms);
        let deadline = Instant::now() + SUBMIT_TIMEOUT;
        let mut job = job.clone();
        while Instant::now() < deadline {
            match self.try_send(&job).await {
                SubmitResult::Accepted(id) => return self.ledger.accepted(&job.name, id),
                SubmitResult::ConnectionClosed => {
                    // The fault would crash the gateway again.
                    job.fault.take_if(|fault| fault.starts_with(Stage::Gateway.name()));
                }
                SubmitResult::Refused => {}
            }
            sleep(RETRY_DELAY).await;
        }
        self.refused.send_modify(|refused| *refused += 1);
    }

    async fn try_send(&self, job: &ChaosJob) -> SubmitResult {
        let sent = match job.api {
            SubmitApi::Events => self.gateway.event(&job.event()).await.map(|_| None),
            SubmitApi::Jobs => {
                let request = JobRequest {
                    fault: job.fault.clone(),
                    idempotency_key: Some(job.name.replace(' ', "-")),
                    ..JobRequest::new(job.body.clone())
                };
                self.gateway.submit(&request).await.map(|accepted| Some(accepted.id))
            }
        };
        match sent {
            Ok(id) => SubmitResult::Accepted(id),
            Err(ClientError::Unreachable {
                cause: NoResponse::Closed(_) | NoResponse::BrokenOff(_),
                ..
            }) => SubmitResult::ConnectionClosed,
            Err(_) => SubmitResult::Refused,
        }
    }

    /// Submits the latest `count` jobs again, each with its own key: no second job may be created.
    pub async fn repeat_latest(&self, count: usize) {
        let sent = *self.sent.borrow();
        for n in sent.saturating_sub(count)..sent {
            self.send(&self.nth_job(n)).await;
        }
    }

    /// Waits until this many jobs have been sent.
    pub async fn wait_until_sent(&self, jobs: usize) {
        let mut sent = self.sent.subscribe();
        let _gone = sent.wait_for(|sent| *sent >= jobs).await;
    }

    /// Jobs that were never accepted.
    pub fn refused(&self) -> usize {
        *self.refused.borrow()
    }

    /// The job according to the gateway; `None` if it does not know the job. Retries while there is no
    /// response.
    pub async fn job(&self, id: JobId) -> Option<JobView> {
        for _ in 0..20 {
            match self.gateway.job(id).await {
                Ok(view) => return Some(view),
                Err(error) if error.status() == Some(404) => return None,
                Err(_) => sleep(RETRY_DELAY).await,
            }
        }
        None
    }
}
