//! Every backend is away for a minute, all of them at once for a part of it: jobs do not notice, and what
//! was done meanwhile is found in each of them afterwards.

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
    lost,
    steady::{Speed, Steady},
};

/// The time before, whose speed is the measure.
const BEFORE: Duration = Duration::from_secs(30);
/// How long each backend is away: they leave and come back one after the other, so all are away for a part of it.
const AWAY: Duration = Duration::from_mins(1);
/// How long the collector may take to forward what was queued.
const DRAINED: Duration = Duration::from_mins(1);
/// How long a backend may take to take in, and to answer for, the jobs of an outage.
const FOUND: Duration = Duration::from_mins(2);
/// Traces in one question to Loki, and questions at a time to those who answer for one trace only.
const AT_ONCE: usize = 100;
const IN_FLIGHT: usize = 8;
/// What a queue may hold when nothing waits, in bytes: the batch that is being filled.
const QUEUE_BYTES_MAX: f64 = 65_536.0;

/// Each backend, and the collector's way to it.
const BACKENDS: [(&str, &str); 4] = [
    ("tempo", "otlp_grpc/tempo"),
    ("loki", "otlp_http/loki"),
    ("prometheus", "otlp_http/prometheus"),
    ("console", "otlp_grpc/console"),
];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker and the images: make compose-test"]
async fn jobs_go_on_at_the_same_speed_while_backends_are_away_and_are_found_in_each_of_them_later()
{
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
    // Ports are others after a restart.
    let parts = block_in_place(|| Backends::of(&lab));
    for outage in &outages {
        drained(&lab, outage).await;
    }
    for outage in &outages {
        outage.is_found(&lab, &parts).await;
    }
}

/// A time without a backend.
struct Outage {
    backend: &'static str,
    exporter: &'static str,
    /// The jobs sent meanwhile.
    jobs: Vec<JobAccepted>,
    /// Bytes that waited for it at the end.
    waited: f64,
}

/// Stops one after the other, then starts them in the same order.
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
        let waited = block_in_place(|| lost::queued(lab, exporter));
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
            let bytes = block_in_place(|| lost::queued(lab, exporter));
            if bytes <= QUEUE_BYTES_MAX { Ok(()) } else { Err(bytes) }
        },
    )
    .await;
}

impl Outage {
    /// Waits until all of its jobs are found, but as many as the counters of losses allow to be missing.
    async fn is_found(&self, lab: &FullLab, parts: &Backends) {
        let Self { backend, jobs, .. } = self;
        let mut open = jobs.clone();
        let lost = eventually(FOUND, &format!("the outage's jobs in {backend}"), async || {
            open = self.missing(parts, &open).await?;
            let lost = block_in_place(|| lost::everywhere(lab));
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

    /// Which of these jobs are not, or not wholly, there.
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

    /// By the growth of the counter over the outage, as it was scraped meanwhile.
    async fn not_counted(&self, parts: &Backends) -> Result<(), String> {
        let (first, last) = (seconds(&self.jobs[0]), seconds(self.jobs.last().unwrap()));
        let url = format!("{}/api/v1/query_range", parts.prometheus);
        // Without looking back, so that only what was scraped in that very time is seen.
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
        // The jobs of one scrape's time, at either end, may belong outside.
        let between = self.jobs.len() as f64 * (1.0 - 15.0 / (last - first) as f64);
        if grown >= between {
            Ok(())
        } else {
            Err(format!("{grown} of {between} jobs are counted"))
        }
    }
}

/// Those of `jobs` of whose worker no line is in Loki.
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

/// Those of `jobs` that have no complete trace at `url`; both Tempo and the console answer there.
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

/// When a job was accepted, in Unix seconds: its id begins with that time.
fn seconds(job: &JobAccepted) -> i64 {
    let id = job.id.to_string().replace('-', "");
    i64::from_str_radix(&id[..12], 16).unwrap() / 1000
}
