//! Sends the jobs: at an even rate, whatever the lab does, each until it is accepted.

use std::{sync::Arc, time::Duration};

use contract::{JobId, Stage, api::JobView};
use reqwest::{Client, RequestBuilder, StatusCode};
use runtime::clock::Clock;
use serde_json::Value;
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep},
};

use super::{
    ledger::Ledger,
    task::{Task, Way},
};

/// How long a single request may take.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);
/// Pause of a careful client between two tries.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a client tries to have its job accepted.
const PATIENCE: Duration = Duration::from_mins(2);
/// When a client that repeats itself does so.
const REPEAT_AFTER: Duration = Duration::from_millis(700);
/// Clients at once; more wait, and the jobs come in slower.
const CLIENTS_MAX: usize = 1_000;

/// What came of one try.
enum Tried {
    /// 202; with the id, where the answer holds one.
    Accepted(Option<JobId>),
    /// Another answer, or none in time, or nobody there.
    Refused,
    /// The connection ended in the middle.
    CutOff,
}

/// The clients of one run.
#[derive(Debug)]
pub struct Load {
    http: Client,
    gateway: String,
    ledger: Ledger,
    /// Where owners are told.
    url: String,
    seed: u64,
    sent: watch::Sender<usize>,
    refused: watch::Sender<usize>,
}

impl Load {
    /// Clients of the gateway at `gateway`; their owner listens at `url`.
    pub fn new(gateway: String, url: String, seed: u64, ledger: Ledger) -> Arc<Self> {
        let http = Client::builder().no_proxy().timeout(REQUEST_LIMIT).build();
        let http = http.expect("a client without certificates of its own");
        let (sent, refused) = (watch::Sender::new(0), watch::Sender::new(0));
        Arc::new(Self { http, gateway, ledger, url, seed, sent, refused })
    }

    /// Sends `jobs` jobs, `rate` a second, and waits until each was accepted or given up.
    pub async fn run(self: Arc<Self>, jobs: usize, rate: f64) {
        let clients = Arc::new(Semaphore::new(CLIENTS_MAX));
        let mut ticks = interval(Duration::from_secs_f64(1.0 / rate));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut running = JoinSet::new();
        for n in 0..jobs {
            ticks.tick().await;
            let place = clients.clone().acquire_owned().await.expect("it is never closed");
            let load = self.clone();
            running.spawn(async move {
                load.client(n).await;
                drop(place);
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

    /// A job of the harness itself, that carries a fault.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sends a job until it is accepted, each time with the same key, as a careful client does. Sent once
    /// more it stays the same job.
    pub async fn send(&self, task: &Task) {
        let now_ms = Clock::new().stamp_ms();
        self.ledger.sending(&task.name, task.expected, task.notified, now_ms);
        let give_up = Instant::now() + PATIENCE;
        let mut task = task.clone();
        while Instant::now() < give_up {
            match self.try_send(&task).await {
                Tried::Accepted(id) => return self.ledger.promised(&task.name, id),
                Tried::CutOff => {
                    // Sent again it would bring the gateway down again.
                    task.fault.take_if(|fault| fault.starts_with(Stage::Gateway.name()));
                }
                Tried::Refused => {}
            }
            sleep(PAUSE).await;
        }
        self.refused.send_modify(|refused| *refused += 1);
    }

    async fn try_send(&self, task: &Task) -> Tried {
        let answer = match self.request(task).send().await {
            Ok(answer) if answer.status() == StatusCode::ACCEPTED => answer,
            Err(error) if !error.is_connect() && !error.is_timeout() => return Tried::CutOff,
            _ => return Tried::Refused,
        };
        let Ok(body) = answer.json::<Value>().await else { return Tried::CutOff };
        let id = body["id"].as_str().and_then(|id| id.parse().ok());
        match task.way {
            Way::Job => id.map_or(Tried::Refused, |id| Tried::Accepted(Some(id))),
            Way::Event => Tried::Accepted(None),
        }
    }

    fn request(&self, task: &Task) -> RequestBuilder {
        let request = match task.way {
            Way::Event => self.http.post(format!("{}/v1/events", self.gateway)).json(&task.event()),
            Way::Job => {
                let request = self.http.post(format!("{}/v1/jobs", self.gateway)).json(&task.body);
                request.header(contract::api::IDEMPOTENCY_KEY, task.name.replace(' ', "-"))
            }
        };
        match &task.fault {
            Some(fault) => request.header("waybill-fault", fault),
            None => request,
        }
    }

    /// Sends again the latest `count` jobs, each with its own key: none may become another job.
    pub async fn repeat_latest(&self, count: usize) {
        let sent = *self.sent.borrow();
        for n in sent.saturating_sub(count)..sent {
            self.send(&self.task(n)).await;
        }
    }

    /// Waits until so many jobs were sent.
    pub async fn reached(&self, jobs: usize) {
        let mut sent = self.sent.subscribe();
        let _gone = sent.wait_for(|sent| *sent >= jobs).await;
    }

    /// Jobs that no client could have accepted.
    pub fn refused(&self) -> usize {
        *self.refused.borrow()
    }

    /// The job as the gateway answers it; `None` when it does not know it. Tries again while there is no
    /// answer.
    pub async fn answer(&self, id: JobId) -> Option<JobView> {
        for _ in 0..20 {
            let answer = self.http.get(format!("{}/v1/jobs/{id}", self.gateway)).send().await;
            match answer {
                Ok(answer) if answer.status().is_success() => return answer.json().await.ok(),
                Ok(answer) if answer.status() == StatusCode::NOT_FOUND => return None,
                _ => sleep(PAUSE).await,
            }
        }
        None
    }
}
