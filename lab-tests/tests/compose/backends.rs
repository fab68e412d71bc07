//! Clients of the HTTP APIs of a full lab.

use std::time::Duration;

use client::http_builder;
use contract::api::{JobAccepted, JobView};
use lab_tests::Client;
use reqwest::Response;
use serde_json::Value;
use testkit::eventually;

use crate::docker::FullLab;

/// Request timeout.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// Timeout of a job.
const JOB_LIMIT: Duration = Duration::from_mins(1);

/// URLs of the parts. They change when the lab is restarted.
#[derive(Debug, Clone)]
pub(crate) struct Backends {
    http: reqwest::Client,
    client: Client,
    pub(crate) gateway: String,
    pub(crate) console: String,
    pub(crate) prometheus: String,
    /// `None` if its image is not on this machine.
    pub(crate) loki: Option<String>,
    /// `None` if its image is not on this machine.
    pub(crate) tempo: Option<String>,
}

impl Backends {
    /// Queries the published ports. Blocking.
    pub(crate) fn of(lab: &FullLab) -> Self {
        let (gateway, console) = (lab.url("gateway", 8080), lab.url("console", 8090));
        Self {
            http: http_builder(ANSWER_LIMIT).build().unwrap(),
            client: Client::at(&gateway, &console),
            gateway,
            console,
            prometheus: lab.url("query-proxy", 9090),
            loki: lab.has("loki").then(|| lab.url("query-proxy", 3100)),
            tempo: lab.has("tempo").then(|| lab.url("query-proxy", 3200)),
        }
    }

    /// The JSON at `url`; the error says why there is none.
    pub(crate) async fn get(&self, url: &str, query: &[(&str, &str)]) -> Result<Value, String> {
        let answer = self.http.get(url).query(query).send().await.map_err(|e| e.to_string())?;
        let (status, text) = (answer.status(), answer.text().await.map_err(|e| e.to_string())?);
        if !status.is_success() {
            return Err(format!("{status}: {text}"));
        }
        serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))
    }

    /// The status of a page at `url`, redirects followed.
    pub(crate) async fn status(&self, url: &str) -> Result<u16, String> {
        let answer = self.http.get(url).send().await.map_err(|error| error.to_string())?;
        Ok(answer.status().as_u16())
    }

    /// Repeats the query until the response is as wanted.
    pub(crate) async fn found(
        &self,
        limit: Duration,
        url: &str,
        query: &[(&str, &str)],
        wanted: impl Fn(&Value) -> Result<(), String>,
    ) {
        eventually(limit, &format!("{url} {query:?}"), async || {
            self.get(url, query).await.and_then(|answer| wanted(&answer))
        })
        .await;
    }

    /// Unix seconds by the clock of Prometheus.
    pub(crate) async fn now(&self) -> i64 {
        let url = format!("{}/api/v1/query", self.prometheus);
        let answer = self.get(&url, &[("query", "time()")]).await.unwrap();
        let seconds = answer["data"]["result"][1].as_str().unwrap();
        seconds.split('.').next().unwrap().parse().unwrap()
    }

    /// Submits a job; returns any response.
    pub(crate) async fn try_submit(&self, job: &Value) -> reqwest::Result<Response> {
        self.http.post(format!("{}/v1/jobs", self.gateway)).json(job).send().await
    }

    /// Submits a job; panics if it is not accepted.
    pub(crate) async fn submit(&self, job: &Value, fault: Option<&str>) -> JobAccepted {
        let fault: Vec<_> = fault.map(|fault| ("waybill-fault", fault)).into_iter().collect();
        self.client.submit_with(job, &fault).await
    }

    /// Submits a raw event; panics if it is not accepted.
    pub(crate) async fn send_event(&self, event: &Value) {
        let request = self.http.post(format!("{}/v1/events", self.gateway));
        let request = request.header("content-type", "application/cloudevents+json");
        let answer = request.body(event.to_string()).send().await.unwrap();
        assert_eq!(answer.status(), 202, "{}", answer.text().await.unwrap());
    }

    /// The job when it has ended.
    pub(crate) async fn ended(&self, job: &JobAccepted) -> JobView {
        self.client.ended(job.id, JOB_LIMIT).await
    }

    /// Waits until Loki has a line for the query. Without Loki, prints that the query was not checked.
    pub(crate) async fn line(&self, limit: Duration, query: &str) {
        let Some(loki) = &self.loki else {
            eprintln!("NOT JUDGED: log lines of {query}: Loki is not here");
            return;
        };
        let url = format!("{loki}/loki/api/v1/query_range");
        self.found(limit, &url, &[("query", query)], |answer| some(&answer["data"]["result"]))
            .await;
    }

    /// Waits until Prometheus has a series for the query.
    pub(crate) async fn value(&self, limit: Duration, query: &str) {
        let url = format!("{}/api/v1/query", self.prometheus);
        self.found(limit, &url, &[("query", query)], |answer| some(&answer["data"]["result"]))
            .await;
    }
}

/// An error if the list is empty.
pub(crate) fn some(list: &Value) -> Result<(), String> {
    let any = list.as_array().is_some_and(|list| !list.is_empty());
    if any { Ok(()) } else { Err(list.to_string()) }
}
