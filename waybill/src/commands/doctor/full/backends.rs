//! The backends of a lab that runs: whether each answers, and whether telemetry arrives in it. Loki and Tempo are not
//! published: they are asked from inside, in the container of the query proxy.

use std::{collections::BTreeMap, fmt::Display, time::Duration};

use futures_util::future::join_all;
use serde::Deserialize;

use super::{
    containers::Container,
    docker::{Trouble, ask, ask_json},
};
use crate::{client::Admin, commands::doctor::check::Check};

/// Numbers older than this, in seconds, are missing: new ones come every five.
const AGE_MAX_SECONDS: f64 = 30.0;
/// More bytes than this in a queue of the collector wait for a backend; less wait to fill a batch.
const WAITING_BYTES_MAX: f64 = MIB;
const MIB: f64 = 1_048_576.0;
/// How long an answer may take.
const ASK_LIMIT: Duration = Duration::from_secs(5);
/// The services whose telemetry must arrive.
const STAGES: [&str; 4] = ["gateway", "ingester", "processor", "notifier"];
const WAIT: &str = "wait a moment; if it stays so, look at its log: docker compose logs --tail 30";

/// The part by way of which the backends are asked.
const PROXY: &str = "query-proxy";
/// Where each published backend says whether it is ready: part, the part that publishes it, its port there, path.
const READY: [(&str, &str, &str, u16, &str); 2] = [
    ("prometheus", "prometheus answers", PROXY, 9090, "/-/ready"),
    ("grafana", "grafana answers", "grafana", 3000, "/api/health"),
];
/// Where the others say it, as the query proxy reaches them.
const READY_INSIDE: [(&str, &str, &str); 2] = [
    ("tempo", "tempo answers", "http://tempo:3200/ready"),
    ("loki", "loki answers", "http://loki:3100/ready"),
];
/// The services of which Loki has lines.
const LOKI_SERVICES: &str = "http://loki:3100/loki/api/v1/label/service_name/values";

/// The backends that run.
pub(super) async fn checks(containers: &[Container]) -> anyhow::Result<Vec<Check>> {
    let runs = |part: &str| containers.iter().any(|one| one.service == part && one.runs());
    let port = |part: &str, port: u16| {
        let mut mine = containers.iter().filter(|one| one.service == part && one.runs());
        mine.find_map(|one| one.published(port))
    };
    let asked = READY.iter().filter_map(|(part, name, publisher, own, path)| {
        let published = port(publisher, *own).filter(|_| runs(part))?;
        Some(async move {
            let answer = Admin::new(part, published)?.not_ready(path).await;
            Ok(match answer {
                Ok(None) => Check::ok(*name, format!("ready at http://127.0.0.1:{published}")),
                Ok(Some(why)) => Check::failed(*name, why, format!("{WAIT} {part}")),
                Err(error) => Check::failed(*name, error.to_string(), format!("{WAIT} {part}")),
            })
        })
    });
    let answers: Vec<anyhow::Result<Check>> = join_all(asked).await;
    let mut checks = answers.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    if runs(PROXY) {
        let inside = READY_INSIDE.iter().filter(|(part, ..)| runs(part));
        checks
            .extend(join_all(inside.map(|(part, name, url)| ready_inside(part, name, url))).await);
    }
    let client = reqwest::Client::builder().no_proxy().timeout(ASK_LIMIT).build()?;
    if let Some(prometheus) = port(PROXY, 9090).filter(|_| runs("prometheus")) {
        checks.push(metrics(&Prometheus(&client, prometheus)).await);
        checks.push(queues(&Prometheus(&client, prometheus)).await);
    }
    if runs(PROXY) && runs("loki") {
        checks.push(logs().await);
    }
    Ok(checks)
}

/// What the query proxy's container is told to run: one question to `url`.
fn probe(url: &str) -> [&str; 7] {
    ["compose", "exec", "--no-TTY", PROXY, "/waybill", "probe", url]
}

/// Whether a backend that is not published is ready.
async fn ready_inside(part: &str, name: &'static str, url: &str) -> Check {
    match ask(&probe(url)).await {
        Ok(_) => Check::ok(name, format!("ready at {url}, inside the lab")),
        Err(trouble) => Check::failed(name, trouble.words(), format!("{WAIT} {part}")),
    }
}

struct Prometheus<'a>(&'a reqwest::Client, u16);

#[derive(Debug, Deserialize)]
struct Answer<T> {
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
    async fn ask(&self, query: &str, label: &str) -> reqwest::Result<BTreeMap<String, f64>> {
        let url = format!("http://127.0.0.1:{}/api/v1/query", self.1);
        let answer = self.0.get(url).query(&[("query", query)]).send().await?.error_for_status()?;
        let Answer { data: Vector { result } } = answer.json().await?;
        let values = result.into_iter().filter_map(|mut sample| {
            Some((sample.metric.remove(label)?, sample.value.1.parse().ok()?))
        });
        Ok(values.collect())
    }
}

/// How old the newest numbers of each service are.
async fn metrics(prometheus: &Prometheus<'_>) -> Check {
    const NAME: &str = "metrics";
    let asked = prometheus.ask("time() - max by (job) (timestamp(up == 1))", "job").await;
    let ages = match asked {
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
        return Check::ok(NAME, "arrive from all four services");
    }
    let advice = "they come by way of the collector: docker compose logs --tail 30 otel-collector";
    Check::failed(NAME, format!("none from {}", silent.join(", ")), advice)
}

/// Whether a backend keeps the collector waiting.
async fn queues(prometheus: &Prometheus<'_>) -> Check {
    const NAME: &str = "collector";
    let asked = prometheus.ask("sum by (exporter) (otelcol_exporter_queue_size)", "exporter").await;
    let sizes = match asked {
        Ok(sizes) if sizes.is_empty() => {
            return Check::note(
                NAME,
                "tells nothing of its queues yet",
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
        return Check::ok(NAME, "hands on what it gets");
    }
    let advice = "start the backend that is named; nothing is lost while the queue has room";
    Check::note(NAME, format!("keeps {}", waiting.join(", ")), advice)
}

/// Whether lines of the services are in Loki.
async fn logs() -> Check {
    const NAME: &str = "logs";
    let question: Vec<&str> = probe(LOKI_SERVICES).into_iter().chain(["--print"]).collect();
    let asked: Result<Answer<Option<Vec<String>>>, Trouble> = ask_json(&question).await;
    match asked {
        Err(trouble) => unreadable(NAME, &trouble.words(), "loki"),
        Ok(Answer { data }) => {
            let data = data.unwrap_or_default();
            if STAGES.iter().any(|stage| data.iter().any(|name| name == stage)) {
                Check::ok(NAME, "arrive")
            } else {
                let advice =
                    "submit a job; if none come: docker compose logs --tail 30 otel-collector";
                Check::note(NAME, "none of the services' yet", advice)
            }
        }
    }
}

fn unreadable(name: &'static str, error: &impl Display, part: &str) -> Check {
    Check::failed(name, format!("{part} does not say: {error}"), format!("{WAIT} {part}"))
}
