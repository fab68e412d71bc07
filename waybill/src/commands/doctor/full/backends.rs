//! The backends of a running lab: readiness, and whether telemetry arrives. Loki and Tempo are not published: they
//! are queried from inside, in the container of the query proxy.

use std::{collections::BTreeMap, fmt::Display, time::Duration};

use client::AdminClient;
use futures_util::future::join_all;
use serde::Deserialize;

use super::{
    containers::Container,
    docker::{DockerError, run, run_json},
};
use crate::commands::doctor::check::DoctorCheck;

/// Metrics older than this, in seconds, count as missing: new samples arrive every five.
const AGE_MAX_SECONDS: f64 = 30.0;
/// More bytes than this in a queue of the collector wait for a backend; fewer wait to fill a batch.
const WAITING_BYTES_MAX: f64 = MIB;
const MIB: f64 = 1_048_576.0;
/// Request timeout.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// The services whose telemetry must arrive.
const STAGES: [&str; 4] = ["gateway", "ingester", "processor", "notifier"];
const WAIT: &str = "wait a moment; if this persists, check its log: docker compose logs --tail 30";

/// The part through which the backends are queried.
const PROXY: &str = "query-proxy";
/// Readiness of the published backends: part, name of the check, the part that publishes it, its port there, path.
const READY: [(&str, &str, &str, u16, &str); 2] = [
    ("prometheus", "prometheus answers", PROXY, 9090, "/-/ready"),
    ("grafana", "grafana answers", "grafana", 3000, "/api/health"),
];
/// Readiness of the others, as seen by the query proxy.
const READY_INSIDE: [(&str, &str, &str); 2] = [
    ("tempo", "tempo answers", "http://tempo:3200/ready"),
    ("loki", "loki answers", "http://loki:3100/ready"),
];
/// The services with log lines in Loki.
const LOKI_SERVICES: &str = "http://loki:3100/loki/api/v1/label/service_name/values";

/// Checks the running backends.
pub(super) async fn checks(containers: &[Container]) -> anyhow::Result<Vec<DoctorCheck>> {
    let runs = |part: &str| containers.iter().any(|one| one.service == part && one.runs());
    let port = |part: &str, port: u16| {
        let mut mine = containers.iter().filter(|one| one.service == part && one.runs());
        mine.find_map(|one| one.published(port))
    };
    let queries = READY.iter().filter_map(|(part, name, publisher, own, path)| {
        let published = port(publisher, *own).filter(|_| runs(part))?;
        Some(async move {
            let answer = AdminClient::new(part, published)?.not_ready(path).await;
            Ok(match answer {
                Ok(None) => {
                    DoctorCheck::ok(*name, format!("ready at http://127.0.0.1:{published}"))
                }
                Ok(Some(why)) => DoctorCheck::failed(*name, why, format!("{WAIT} {part}")),
                Err(error) => {
                    DoctorCheck::failed(*name, error.to_string(), format!("{WAIT} {part}"))
                }
            })
        })
    });
    let answers: Vec<anyhow::Result<DoctorCheck>> = join_all(queries).await;
    let mut checks = answers.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    if runs(PROXY) {
        let inside = READY_INSIDE.iter().filter(|(part, ..)| runs(part));
        checks
            .extend(join_all(inside.map(|(part, name, url)| ready_inside(part, name, url))).await);
    }
    let client = client::http_builder(REQUEST_TIMEOUT).build()?;
    if let Some(prometheus) = port(PROXY, 9090).filter(|_| runs("prometheus")) {
        checks.push(metrics(&Prometheus(&client, prometheus)).await);
        checks.push(queues(&Prometheus(&client, prometheus)).await);
    }
    if runs(PROXY) && runs("loki") {
        checks.push(logs().await);
    }
    Ok(checks)
}

/// The command that requests `url` in the container of the query proxy.
fn probe(url: &str) -> [&str; 7] {
    ["compose", "exec", "--no-TTY", PROXY, "/waybill", "probe", url]
}

/// Whether a backend that is not published is ready.
async fn ready_inside(part: &str, name: &'static str, url: &str) -> DoctorCheck {
    match run(&probe(url)).await {
        Ok(_) => DoctorCheck::ok(name, format!("ready at {url}, inside the lab")),
        Err(error) => DoctorCheck::failed(name, error.words(), format!("{WAIT} {part}")),
    }
}

struct Prometheus<'a>(&'a reqwest::Client, u16);

#[derive(Debug, Deserialize)]
struct QueryResponse<T> {
    #[serde(default)]
    data: T,
}

#[derive(Debug, Default, Deserialize)]
struct Vector {
    result: Vec<Sample>,
}

#[derive(Debug, Deserialize)]
struct Sample {
    metric: BTreeMap<String, String>,
    value: (f64, String),
}

impl Prometheus<'_> {
    /// The value of each series, by this label.
    async fn query(&self, query: &str, label: &str) -> reqwest::Result<BTreeMap<String, f64>> {
        let url = format!("http://127.0.0.1:{}/api/v1/query", self.1);
        let answer = self.0.get(url).query(&[("query", query)]).send().await?.error_for_status()?;
        let QueryResponse { data: Vector { result } } = answer.json().await?;
        let values = result.into_iter().filter_map(|mut sample| {
            Some((sample.metric.remove(label)?, sample.value.1.parse().ok()?))
        });
        Ok(values.collect())
    }
}

/// The age of the newest metrics of each service.
async fn metrics(prometheus: &Prometheus<'_>) -> DoctorCheck {
    const NAME: &str = "metrics";
    let result = prometheus.query("time() - max by (job) (timestamp(up == 1))", "job").await;
    let ages = match result {
        Ok(ages) => ages,
        Err(error) => return unreadable(NAME, &error, "prometheus"),
    };
    let silent: Vec<String> = STAGES
        .iter()
        .filter_map(|stage| match ages.get(*stage) {
            Some(age) if *age <= AGE_MAX_SECONDS => None,
            Some(age) => Some(format!("{stage} (for {age:.0} s)")),
            None => Some((*stage).to_owned()),
        })
        .collect();
    if silent.is_empty() {
        return DoctorCheck::ok(NAME, "received from all four services");
    }
    let advice = "they pass the collector: docker compose logs --tail 30 otel-collector";
    DoctorCheck::failed(NAME, format!("none from {}", silent.join(", ")), advice)
}

/// Whether data waits in the collector for a backend.
async fn queues(prometheus: &Prometheus<'_>) -> DoctorCheck {
    const NAME: &str = "collector";
    let result =
        prometheus.query("sum by (exporter) (otelcol_exporter_queue_size)", "exporter").await;
    let sizes = match result {
        Ok(sizes) if sizes.is_empty() => {
            return DoctorCheck::note(
                NAME,
                "no metrics of its queues yet",
                format!("{WAIT} otel-collector"),
            );
        }
        Ok(sizes) => sizes,
        Err(error) => return unreadable(NAME, &error, "prometheus"),
    };
    let waiting: Vec<String> = sizes
        .iter()
        .filter(|(_, bytes)| **bytes > WAITING_BYTES_MAX)
        .map(|(exporter, bytes)| format!("{:.1} MiB for {exporter}", bytes / MIB))
        .collect();
    if waiting.is_empty() {
        return DoctorCheck::ok(NAME, "forwards what it receives");
    }
    let advice = "start that backend; nothing is lost while the queue has room";
    DoctorCheck::note(NAME, format!("queued: {}", waiting.join(", ")), advice)
}

/// Whether Loki has log lines of the services.
async fn logs() -> DoctorCheck {
    const NAME: &str = "logs";
    let command: Vec<&str> = probe(LOKI_SERVICES).into_iter().chain(["--print"]).collect();
    let result: Result<QueryResponse<Option<Vec<String>>>, DockerError> = run_json(&command).await;
    match result {
        Err(error) => unreadable(NAME, &error.words(), "loki"),
        Ok(QueryResponse { data }) => {
            let data = data.unwrap_or_default();
            if STAGES.iter().any(|stage| data.iter().any(|name| name == stage)) {
                DoctorCheck::ok(NAME, "received")
            } else {
                let advice =
                    "submit a job; if none come: docker compose logs --tail 30 otel-collector";
                DoctorCheck::note(NAME, "none received from the services yet", advice)
            }
        }
    }
}

fn unreadable(name: &'static str, error: &impl Display, part: &str) -> DoctorCheck {
    DoctorCheck::failed(name, format!("cannot query {part}: {error}"), format!("{WAIT} {part}"))
}
