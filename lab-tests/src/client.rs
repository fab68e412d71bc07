//! An HTTP client of a lab.

use std::{fmt::Debug, time::Duration};

use client::{
    AdminClient, ClientError, ConsoleClient, DeadLetterFilter, FullResponse, GatewayClient,
    JobFilter, http_builder,
};
use contract::{
    JobId,
    api::{DeadLetterList, JobAccepted, JobView, LIST_LIMIT_DEFAULT, QueueList},
};
use reqwest::StatusCode;
use serde_json::Value;
use testkit::{LabUnderTest, eventually};
use trace::Trace;
use url::Url;

/// Request timeout.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);

/// Page size when all jobs are listed.
const PAGE: usize = 200;

/// A client of one lab.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    gateway: GatewayClient,
    console: ConsoleClient,
}

impl Client {
    /// A client of `lab`.
    pub fn of(lab: &LabUnderTest) -> Self {
        Self::at(&lab.gateway_url(), &lab.console_url())
    }

    /// A client of the lab with this gateway and console.
    pub fn at(gateway: &str, console: &str) -> Self {
        let http = http_builder(REQUEST_LIMIT).build().expect("TLS starts");
        let url = |text: &str| Url::parse(text).expect("the URL of a part of the lab");
        Self {
            gateway: GatewayClient::over(http.clone(), &url(gateway)),
            console: ConsoleClient::over(http.clone(), &url(console)),
            http,
        }
    }

    /// Submits a job; panics if it is not accepted.
    pub async fn submit(&self, job: &Value) -> JobAccepted {
        self.submit_with(job, &[]).await
    }

    /// Submits a job with additional headers; panics if it is not accepted.
    pub async fn submit_with(&self, job: &Value, headers: &[(&str, &str)]) -> JobAccepted {
        let (status, body) = self.try_submit(job, headers).await.expect("the gateway answers");
        assert_eq!(status, StatusCode::ACCEPTED, "{body}");
        serde_json::from_value(body).expect("the answer is a JobAccepted")
    }

    /// Submits a job; returns the response, or the error of the connection.
    pub async fn try_submit(
        &self,
        job: &Value,
        headers: &[(&str, &str)],
    ) -> Result<(StatusCode, Value), ClientError> {
        let mut request = self.gateway.http().post("/v1/jobs").json(job);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.gateway.http().status_and_json(request).await
    }

    /// The current state of a job; `None` if the gateway does not know it or does not respond.
    pub async fn job(&self, id: JobId) -> Option<JobView> {
        self.gateway.job(id).await.ok()
    }

    /// Waits until the job has ended.
    pub async fn ended(&self, id: JobId, limit: Duration) -> JobView {
        eventually(limit, &format!("job {id} to end"), async || match self.job(id).await {
            Some(job) if job.state.is_terminal() => Ok(job),
            other => {
                Err(format!("{:?}", other.map(|job| (job.state, job.attempts, job.interruptions))))
            }
        })
        .await
    }

    /// Waits until the job has ended in its round `round`.
    pub async fn ended_in_round(&self, id: JobId, round: u32, limit: Duration) -> JobView {
        eventually(limit, &format!("job {id} to end in round {round}"), async || {
            let seen = self.job(id).await.ok_or("no answer".to_owned())?;
            if seen.round == round && seen.state.is_terminal() {
                Ok(seen)
            } else {
                Err(format!("{} in round {}", seen.state, seen.round))
            }
        })
        .await
    }

    /// Sends a POST request such as `jobs/{id}/cancel`; returns the response.
    pub async fn order(&self, path: &str, body: Option<&Value>) -> (StatusCode, Value) {
        let request = self.gateway.http().post(&format!("/v1/{path}"));
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = self.gateway.http().status_and_json(request).await;
        answer.expect("the gateway answers with JSON")
    }

    /// All jobs of the gateway, newest first; `None` if it does not respond.
    pub async fn try_all_jobs(&self) -> Option<Vec<JobView>> {
        let mut jobs = Vec::new();
        let mut page = JobFilter { limit: PAGE, ..JobFilter::default() };
        loop {
            let list = self.gateway.jobs(&page).await.ok()?;
            jobs.extend(list.jobs);
            match list.next_cursor {
                Some(next) => page.cursor = Some(next.parse().expect("a cursor is a job's id")),
                None => return Some(jobs),
            }
        }
    }

    /// The number of jobs; `None` if the gateway does not respond.
    pub async fn try_count(&self) -> Option<usize> {
        self.try_all_jobs().await.map(|jobs| jobs.len())
    }

    /// The dead letters, newest first.
    pub async fn dead_letters(&self) -> DeadLetterList {
        let newest = DeadLetterFilter { limit: LIST_LIMIT_DEFAULT, ..Default::default() };
        self.gateway.dead_letters(&newest).await.expect("the list can be read")
    }

    /// The state of the queues and stores; `None` if the gateway does not respond.
    pub async fn queues(&self) -> Option<QueueList> {
        self.gateway.queues().await.ok()
    }

    /// The current trace in the console.
    pub async fn trace(&self, trace_id: &str) -> Option<Trace> {
        let otlp = self.console.trace(trace_id).await.ok()??;
        Some(Trace::from_otlp(&otlp))
    }

    /// Waits until `wanted` returns `Ok` for the trace; its error says what is missing.
    pub async fn trace_where<T, E: Debug>(
        &self,
        trace_id: &str,
        limit: Duration,
        wanted: impl Fn(&Trace) -> Result<T, E>,
    ) -> (Trace, T) {
        eventually(limit, &format!("trace {trace_id}"), async || {
            let trace = self
                .trace(trace_id)
                .await
                .ok_or_else(|| "the console does not know it".to_owned())?;
            let found = wanted(&trace).map_err(|missing| format!("{missing:?} in\n{trace}"))?;
            Ok::<_, String>((trace, found))
        })
        .await
    }

    /// The same, and no span may lack its parent: batches of several services arrive in any order.
    pub async fn whole_trace_where<T, E: Debug>(
        &self,
        trace_id: &str,
        limit: Duration,
        wanted: impl Fn(&Trace) -> Result<T, E>,
    ) -> (Trace, T) {
        let whole = |trace: &Trace| match trace.orphans().len() {
            0 => wanted(trace).map_err(|missing| format!("{missing:?}")),
            orphans => Err(format!("{orphans} spans without their parent")),
        };
        self.trace_where(trace_id, limit, whole).await
    }

    /// The readiness response of a service, ready or not.
    pub async fn ready(&self, admin: u16) -> Option<Value> {
        let admin = self.admin(admin);
        let answer = admin.http().status_and_json(admin.http().get("/readyz")).await;
        answer.ok().map(|(_, readiness)| readiness)
    }

    /// A service's metrics as it serves them.
    pub async fn metrics(&self, admin: u16) -> Option<String> {
        self.admin(admin).metrics_text().await.ok()
    }

    /// The value of one series, written as in the metrics of a service.
    pub async fn metric(&self, admin: u16, series: &str) -> Option<f64> {
        self.admin(admin).metrics().await.ok()?.value(series)
    }

    /// The status and body of the console's response to this path and query. Follows redirects.
    pub async fn console(&self, path: &str) -> Result<(u16, String), ClientError> {
        let console = self.console.http();
        let FullResponse { status, body, .. } = console.response(console.get(path)).await?;
        Ok((status.as_u16(), String::from_utf8_lossy(&body).into_owned()))
    }

    /// The service of each log line of this trace in the console.
    pub async fn log_lines(&self, trace_id: &str) -> Option<Vec<String>> {
        let console = self.console.http();
        let request = console.get(&format!("/api/logs?trace_id={trace_id}"));
        let lines: Value = console.fetch(request).await.ok()?;
        let service = |line: &Value| line["service"].as_str().map(str::to_owned);
        Some(lines["logs"].as_array()?.iter().filter_map(service).collect())
    }

    fn admin(&self, port: u16) -> AdminClient {
        let url = Url::parse(&format!("http://127.0.0.1:{port}")).expect("a port makes a URL");
        AdminClient::over(self.http.clone(), "service", &url)
    }
}
