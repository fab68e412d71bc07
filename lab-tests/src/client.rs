//! Talks to a lab as its users do: over HTTP.

use std::{fmt::Debug, time::Duration};

use contract::{
    JobId,
    api::{DeadLetterList, JobAccepted, JobList, JobView, QueueList},
};
use reqwest::StatusCode;
use serde_json::Value;
use testkit::{LabUnderTest, eventually};
use trace::{Trace, openmetrics::Exposition};

/// How long a single request may take.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);

/// A client of one lab.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    gateway: String,
    console: String,
}

impl Client {
    /// A client of `lab`.
    pub fn of(lab: &LabUnderTest) -> Self {
        Self::at(lab.gateway_url(), lab.console_url())
    }

    /// A client of the lab whose gateway and console are there.
    pub fn at(gateway: String, console: String) -> Self {
        let http = reqwest::Client::builder().timeout(REQUEST_LIMIT).build();
        Self { http: http.expect("TLS starts"), gateway, console }
    }

    /// Submits a job that must be accepted.
    pub async fn submit(&self, job: &Value) -> JobAccepted {
        self.submit_with(job, &[]).await
    }

    /// Submits a job with more headers; it must be accepted.
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
    ) -> reqwest::Result<(StatusCode, Value)> {
        let mut request = self.http.post(format!("{}/v1/jobs", self.gateway)).json(job);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await?;
        Ok((answer.status(), answer.json().await?))
    }

    /// A job as it is now; `None` when the gateway does not know it or does not answer.
    pub async fn job(&self, id: JobId) -> Option<JobView> {
        let answer = self.http.get(format!("{}/v1/jobs/{id}", self.gateway)).send().await.ok()?;
        answer.error_for_status().ok()?.json().await.ok()
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

    /// Sends an order about a job, a dead letter or many: `jobs/{id}/cancel`. Returns the response.
    pub async fn order(&self, path: &str, body: Option<&Value>) -> (StatusCode, Value) {
        let request = self.http.post(format!("{}/v1/{path}", self.gateway));
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = request.send().await.expect("the gateway answers");
        (answer.status(), answer.json().await.expect("the answer is JSON"))
    }

    /// All jobs the gateway lists, newest first, page by page; `None` when it does not answer.
    pub async fn try_all_jobs(&self) -> Option<Vec<JobView>> {
        let mut jobs = Vec::new();
        let mut cursor = String::new();
        loop {
            let url = format!("{}/v1/jobs?limit=200{cursor}", self.gateway);
            let page: JobList = self.get(&url).await.ok()?;
            jobs.extend(page.jobs);
            match page.next_cursor {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Some(jobs),
            }
        }
    }

    /// How many jobs the gateway lists; `None` when it does not answer.
    pub async fn try_count(&self) -> Option<usize> {
        self.try_all_jobs().await.map(|jobs| jobs.len())
    }

    /// The dead letters, newest first.
    pub async fn dead_letters(&self) -> DeadLetterList {
        self.get(&format!("{}/v1/dead-letters", self.gateway)).await.expect("the list can be read")
    }

    /// The state of the queues and stores; `None` if the gateway does not respond.
    pub async fn queues(&self) -> Option<QueueList> {
        self.get(&format!("{}/v1/queues", self.gateway)).await.ok()
    }

    /// The trace as the console has it now.
    pub async fn trace(&self, trace_id: &str) -> Option<Trace> {
        let otlp: Value =
            self.get(&format!("{}/api/traces/{trace_id}", self.console)).await.ok()?;
        Some(Trace::from_otlp(&otlp))
    }

    /// Waits until the trace is as `wanted`; an `Err` of it says what is still missing.
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

    /// The same, and no span of it lacks its parent: batches of several services arrive in any order.
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
        let answer = self.http.get(format!("http://127.0.0.1:{admin}/readyz")).send().await.ok()?;
        answer.json().await.ok()
    }

    /// A service's metrics as it serves them.
    pub async fn metrics(&self, admin: u16) -> Option<String> {
        let answer =
            self.http.get(format!("http://127.0.0.1:{admin}/metrics")).send().await.ok()?;
        answer.text().await.ok()
    }

    /// The value of one series, written as in the metrics of a service.
    pub async fn metric(&self, admin: u16, series: &str) -> Option<f64> {
        Exposition::parse(&self.metrics(admin).await?).ok()?.value(series)
    }

    /// What the console answers at this path and query, with its status. Redirects are followed.
    pub async fn console(&self, path: &str) -> reqwest::Result<(u16, String)> {
        let answer = self.http.get(format!("{}{path}", self.console)).send().await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    }

    /// The services that the console has log lines of for this trace, one entry a line.
    pub async fn log_lines(&self, trace_id: &str) -> Option<Vec<String>> {
        let url = format!("{}/api/logs?trace_id={trace_id}", self.console);
        let lines: Value = self.get(&url).await.ok()?;
        let service = |line: &Value| line["service"].as_str().map(str::to_owned);
        Some(lines["logs"].as_array()?.iter().filter_map(service).collect())
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, url: &str) -> reqwest::Result<T> {
        self.http.get(url).send().await?.error_for_status()?.json().await
    }
}
