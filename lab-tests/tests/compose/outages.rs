//! Each backend is down for a minute, with an overlap: jobs are not affected, and the telemetry of that time is found in
//! each of them afterwards.

use std::{collections::HashSet, time::Duration};

use contract::{api::JobAccepted, signals::JOBS_FINISHED};
use futures_util::{StreamExt as _, future, stream};
use serde_json::Value;
use testkit::eventually;
use tokio::task::block_in_place;
use trace::{Completeness, Trace};

use crate::{
    backends::{Backends, some},
    docker::{FullLab, Shape},
    lost_telemetry,
    steady_load::{Speed, Steady},
};

/// Duration of the baseline measurement.
const BEFORE: Duration = Duration::from_secs(30);
/// Downtime of each backend. They are stopped and started one after the other, so that all are down at the same time once.
const AWAY: Duration = Duration::from_mins(1);
/// Timeout for the collector to forward its queues.
const DRAINED: Duration = Duration::from_mins(1);
/// Timeout for a backend to ingest the telemetry of an outage.
const FOUND: Duration = Duration::from_mins(2);
/// Traces per query to Loki, and concurrent queries to the other backends.
const AT_ONCE: usize = 100;
const IN_FLIGHT: usize = 8;
/// Size of a queue that is drained except for the current batch, in bytes.
const QUEUE_BYTES_MAX: f64 = 65_536.0;

/// Each backend and its exporter in the collector.
const BACKENDS: [(&str, &str); 4] = [
    ("tempo", "otlp_grpc/tempo"),
    ("loki", "otlp_http/loki"),
    ("prometheus", "otlp_http/prometheus"),
    ("console", "otlp_grpc/console"),
];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker and the images: make compose-test"]
async fn jobs_run_at_the_same_speed_while_backends_are_down_and_are_found_in_each_of_them_later() {
    let lab = FullLab::started(Shape::with(1)).await;
    let parts = Backends::of(&lab);
    let load = Steady::start(&parts);
    load.go_on(BEFORE).await;
    let before = Speed::of(&parts, &load.since(0).await).await;
    before.is_that_of(before, "before the outages");
    let started = load.count().await;
    let outages = outages(&lab, &load).await;
    let during = Speed::of(&parts, &load.since(started).await).await;
    during.is_that_of(before, "with backends away");
    drop(load);
    // Ports change after a restart.
    let parts = block_in_place(|| Backends::of(&lab));
    for outage in &outages {
        drained(&lab, outage).await;
    }
    for outage in &outages {
        outage.is_found(&lab, &parts).await;
    }
}

/// The outage of one backend.
struct Outage {
    backend: &'static str,
    exporter: &'static str,
    /// Jobs submitted during the outage.
    jobs: Vec<JobAccepted>,
    /// Bytes queued for the backend at the end of the outage.
    waited: f64,
}

/// Stops all backends one after the other, then starts them in the same order.
async fn outages(lab: &FullLab, load: &Steady) -> Vec<Outage> {
    let mut away = Vec::new();
    let present = BACKENDS.iter().filter(|(backend, _)| lab.has(backend)).count();
    let step = AWAY / u32::try_from(present).unwrap();
    for (backend, exporter) in BACKENDS {
        if !lab.has(backend) {
            eprintln!("NOT JUDGED: an outage of {backend}: it is not here");
            continue;
        }
        block_in_place(|| lab.run(&["stop", backend]));
        away.push((backend, exporter, load.count().await));
        load.go_on(step).await;
    }
    let mut over = Vec::new();
    for (backend, exporter, from) in away {
        let waited = block_in_place(|| lost_telemetry::queued(lab, exporter));
        let jobs = load.since(from).await;
        block_in_place(|| {
            lab.run(&["up", "--detach", "--wait", "--no-deps", "--no-recreate", backend])
        });
        over.push(Outage { backend, exporter, jobs, waited });
        load.go_on(step).await;
    }
    over
}

async fn drained(lab: &FullLab, outage: &Outage) {
    let Outage { backend, exporter, waited, .. } = outage;
    println!("MEASURED: {:.0} KiB waited for {backend}", waited / 1024.0);
    assert!(*waited > QUEUE_BYTES_MAX, "nothing waited for {backend}: was it away? {waited} bytes");
    eventually(
        DRAINED,
        &format!("the collector to forward what was queued for {backend}"),
        async || {
            let bytes = block_in_place(|| lost_telemetry::queued(lab, exporter));
            if bytes <= QUEUE_BYTES_MAX { Ok(()) } else { Err(bytes) }
        },
    )
    .await;
}

impl Outage {
    /// Waits until its jobs are found, except for as many as are counted as lost.
    async fn is_found(&self, lab: &FullLab, parts: &Backends) {
        let Self { backend, jobs, .. } = self;
        let mut open = jobs.clone();
        let lost = eventually(FOUND, &format!("the outage's jobs in {backend}"), async || {
            open = self.missing(parts, &open).await?;
            let lost = block_in_place(|| lost_telemetry::everywhere(lab));
            let counted = open.len() as f64 <= lost;
            if counted { Ok(lost) } else { Err(format!("{} missing, {lost} counted", open.len())) }
        })
        .await;
        println!(
            "MEASURED: {backend}: of {} jobs {} are missing; counted as lost: {lost}",
            jobs.len(),
            open.len()
        );
    }

    /// Those of these jobs whose telemetry is missing or incomplete.
    async fn missing(
        &self,
        parts: &Backends,
        jobs: &[JobAccepted],
    ) -> Result<Vec<JobAccepted>, String> {
        match self.backend {
            "tempo" => {
                let url = format!("{}/api/v2/traces", parts.tempo.as_deref().unwrap());
                Ok(without_trace(parts, &url, jobs).await)
            }
            "console" => {
                let url = format!("{}/api/traces", parts.console);
                Ok(without_trace(parts, &url, jobs).await)
            }
            "loki" => without_line(parts, jobs).await,
            "prometheus" => self.not_counted(parts).await.map(|()| Vec::new()),
            other => panic!("unknown data source {other}"),
        }
    }

    /// Compares the number of jobs with the increase of the counter during the outage.
    async fn not_counted(&self, parts: &Backends) -> Result<(), String> {
        let (first, last) = (seconds(&self.jobs[0]), seconds(self.jobs.last().unwrap()));
        let url = format!("{}/api/v1/query_range", parts.prometheus);
        // Without lookback, so that only samples of the outage count.
        let name = JOBS_FINISHED.name;
        let query = format!("sum(max_over_time({name}{{kind=\"add\",outcome=\"succeeded\"}}[6s]))");
        let (start, end) = (first.to_string(), last.to_string());
        let range = [("query", query.as_str()), ("start", &start), ("end", &end), ("step", "5")];
        let answer = parts.get(&url, &range).await?;
        some(&answer["data"]["result"])?;
        let values = answer["data"]["result"][0]["values"].as_array().unwrap();
        let wanted = usize::try_from((last - first) / 5).unwrap();
        if values.len() < wanted {
            return Err(format!("{} of {wanted} scrapes: {values:?}", values.len()));
        }
        let value = |at: &Value| at[1].as_str().unwrap().parse::<f64>().unwrap();
        let grown = value(values.last().unwrap()) - value(&values[0]);
        // Jobs within one scrape interval at either end may not be included.
        let between = self.jobs.len() as f64 * (1.0 - 15.0 / (last - first) as f64);
        if grown >= between {
            Ok(())
        } else {
            Err(format!("{grown} of {between} jobs are counted"))
        }
    }
}

/// Those of `jobs` without a log line of the worker in Loki.
async fn without_line(parts: &Backends, jobs: &[JobAccepted]) -> Result<Vec<JobAccepted>, String> {
    let url = format!("{}/loki/api/v1/query_range", parts.loki.as_deref().unwrap());
    let mut found = HashSet::new();
    for jobs in jobs.chunks(AT_ONCE) {
        let ids: Vec<_> = jobs.iter().map(|job| job.trace_id.as_str()).collect();
        let query = format!("{{service_name=\"processor\"}} | trace_id=~\"{}\"", ids.join("|"));
        let answer = parts.get(&url, &[("query", &query), ("limit", "5000")]).await?;
        let lines = answer["data"]["result"].as_array().into_iter().flatten();
        found.extend(
            lines.filter_map(|line| line["stream"]["trace_id"].as_str().map(str::to_owned)),
        );
    }
    Ok(jobs.iter().filter(|job| !found.contains(&job.trace_id)).cloned().collect())
}

/// Those of `jobs` without a complete trace at `url`, of Tempo or the console.
pub(crate) async fn without_trace(
    parts: &Backends,
    url: &str,
    jobs: &[JobAccepted],
) -> Vec<JobAccepted> {
    let queries = stream::iter(jobs).map(async |job| {
        let answer = parts.get(&format!("{url}/{}", job.trace_id), &[]).await.unwrap_or_default();
        let tempo = &answer["trace"];
        let trace = Trace::from_otlp(if tempo.is_null() { &answer } else { tempo });
        (!Completeness::of(&trace).is_complete()).then(|| job.clone())
    });
    queries.buffer_unordered(IN_FLIGHT).filter_map(future::ready).collect().await
}

/// When a job was accepted, in Unix seconds, from its id.
fn seconds(job: &JobAccepted) -> i64 {
    let id = job.id.to_string().replace('-', "");
    i64::from_str_radix(&id[..12], 16).unwrap() / 1000
}
