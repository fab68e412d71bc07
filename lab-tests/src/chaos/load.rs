//! Sends the jobs, open loop: each is retried until it is accepted.

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
    ledger::Ledger,
    task::{Task, Way},
};

/// Request timeout.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Delay between two attempts of a client.
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// How long a client retries a submission.
const SUBMIT_TIMEOUT: Duration = Duration::from_mins(2);
/// After this long, some clients repeat an accepted submission.
const REPEAT_AFTER: Duration = Duration::from_millis(700);
/// Most concurrent clients; further ones wait, and the rate drops.
const CLIENTS_MAX: usize = 1_000;

/// The result of one attempt.
enum Attempt {
    /// 202; with the id, if it is not an event.
    Accepted(Option<JobId>),
    /// Another status, a timeout, or no connection.
    Refused,
    /// The connection broke off.
    CutOff,
}

/// The clients of one run.
#[derive(Debug)]
pub struct Load {
    gateway: GatewayClient,
    ledger: Ledger,
    /// The URL of the webhook receiver.
    url: String,
    seed: u64,
    sent: watch::Sender<usize>,
    refused: watch::Sender<usize>,
}

impl Load {
    /// Clients of the gateway at `gateway`; notifications go to `url`.
    pub fn new(gateway: &Url, url: String, seed: u64, ledger: Ledger) -> Arc<Self> {
        let http = http_builder(REQUEST_TIMEOUT).build();
        let http = http.expect("a client without certificates of its own");
        let gateway = GatewayClient::over(http, gateway);
        let (sent, refused) = (watch::Sender::new(0), watch::Sender::new(0));
        Arc::new(Self { gateway, ledger, url, seed, sent, refused })
    }

    /// Sends `jobs` jobs at `rate` per second, and waits until each was accepted or given up.
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
        let task = self.task(n);
        self.send(&task).await;
        if task.repeated {
            sleep(REPEAT_AFTER).await;
            self.send(&task).await;
        }
    }

    /// Job `n` of the run.
    pub fn task(&self, n: usize) -> Task {
        Task::draw(self.seed, n, &self.url)
    }

    /// The URL of the webhook receiver.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sends a job until it is accepted, always with the same idempotency key.
    pub async fn send(&self, task: &Task) {
        let now_ms = Clock::new().stamp_ms();
        self.ledger.sending(&task.name, task.expected, task.notified, now_ms);
        let deadline = Instant::now() + SUBMIT_TIMEOUT;
        let mut task = task.clone();
        while Instant::now() < deadline {
            match self.try_send(&task).await {
                Attempt::Accepted(id) => return self.ledger.promised(&task.name, id),
                Attempt::CutOff => {
                    // With the fault, a retry would crash the gateway again.
                    task.fault.take_if(|fault| fault.starts_with(Stage::Gateway.name()));
                }
                Attempt::Refused => {}
            }
            sleep(RETRY_DELAY).await;
        }
        self.refused.send_modify(|refused| *refused += 1);
    }

    async fn try_send(&self, task: &Task) -> Attempt {
        let sent = match task.way {
            Way::Event => self.gateway.event(&task.event()).await.map(|_| None),
            Way::Job => {
                let request = JobRequest {
                    fault: task.fault.clone(),
                    idempotency_key: Some(task.name.replace(' ', "-")),
                    ..JobRequest::new(task.body.clone())
                };
                self.gateway.submit(&request).await.map(|accepted| Some(accepted.id))
            }
        };
        match sent {
            Ok(id) => Attempt::Accepted(id),
            Err(ClientError::Unreachable {
                cause: NoResponse::Closed(_) | NoResponse::BrokenOff(_),
                ..
            }) => Attempt::CutOff,
            Err(_) => Attempt::Refused,
        }
    }

    /// Sends the latest `count` jobs again, each with its own key: none may become another job.
    pub async fn repeat_latest(&self, count: usize) {
        let sent = *self.sent.borrow();
        for n in sent.saturating_sub(count)..sent {
            self.send(&self.task(n)).await;
        }
    }

    /// Waits until this many jobs were sent.
    pub async fn reached(&self, jobs: usize) {
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
