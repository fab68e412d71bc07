//! The chaos harness: injects every known fault into a real lab under load, by a schedule that a seed replays, and
//! checks that every accepted job took effect exactly once.
//!
//! - `schedule`, `fault`: which faults are injected, and when
//! - `job`, `load`: the jobs, and the clients that submit them
//! - `injector`: injects the faults; `proxy` is between the services and the broker or console
//! - `record_writes`, `notification_receiver`, `traces`: independent observations of the jobs
//! - `ledger`: what was accepted, what was observed, and the differences
//! - `recovery`, `report`: the result of the run

pub mod fault;
pub mod injector;
pub mod job;
pub mod ledger;
pub mod load;
pub mod notification_receiver;
pub mod proxy;
pub mod record_writes;
pub mod recovery;
pub mod report;
pub mod schedule;
pub mod traces;

use std::{path::PathBuf, sync::Arc, time::Duration};

use async_nats::jetstream;
use futures_util::{StreamExt, stream};
use testkit::LabUnderTest;
use tokio::{
    sync::mpsc,
    task::{JoinHandle, JoinSet},
    time::{Instant, sleep},
};
use url::Url;

use self::{
    injector::FaultInjector,
    ledger::Ledger,
    load::ChaosLoad,
    notification_receiver::NotificationReceiver,
    proxy::{Naming, Proxy},
    record_writes::JobEnd,
    recovery::EndRates,
    report::{ChaosReport, FaultEffect},
    schedule::{ChaosSchedule, PROCESSORS},
    traces::{Outages, TraceChecker},
};
use crate::Client;

/// The name of every connection that carries telemetry.
const TELEMETRY_CONNECTION: &str = "telemetry";
/// Capacity of the channels of job ends.
const JOB_ENDS_MAX: usize = 100_000;
/// Timeout for all jobs to end after the last one was sent: the longest retry delay of a notification is a minute.
const DRAIN_TIMEOUT: Duration = Duration::from_mins(3);
/// Concurrent queries for jobs at the end.
const CONCURRENT_QUERIES: usize = 8;
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// The parameters of a run.
#[derive(Debug, Clone)]
pub struct ChaosOptions {
    /// The executable under test.
    pub waybill: PathBuf,
    /// Seed of the schedule and the jobs.
    pub seed: u64,
    /// Number of jobs.
    pub jobs: usize,
    /// Highest rate, in jobs per second.
    pub rate: f64,
    /// The ack wait of the lab. With a short one, more faults fit into a run.
    pub ack_wait: Duration,
}

/// Runs the whole schedule against a new lab and prints its progress to standard error.
pub async fn run(options: &ChaosOptions) -> ChaosReport {
    let ChaosOptions { seed, jobs, rate, ack_wait, .. } = *options;
    let schedule = ChaosSchedule::new(seed, jobs, rate, ack_wait);
    let (rate, faults) = (schedule.rate, schedule.faults.len());
    eprintln!("seed {seed}: {jobs} jobs at {rate:.1}/s, {faults} faults, ack wait {ack_wait:?}");
    let ledger = Ledger::default();
    let mut injector = set_up(options, &ledger).await;
    let (follower, trace_checker, ends) = observe(&injector);
    let started_at = Instant::now();
    let sending = tokio::spawn(injector.load.clone().run(jobs, rate));
    let mut faults = Vec::with_capacity(schedule.faults.len());
    for scheduled in schedule.faults {
        let injected = injector.inject(scheduled).await;
        eprintln!(
            "{:>6.1} s  {} {:?}",
            started_at.elapsed().as_secs_f64(),
            injected.fault,
            injected.proof
        );
        faults.push(injected);
    }
    sending.await.expect("clients do not panic");
    while injector.repeats.join_next().await.is_some() {}
    wait_until_settled(&ledger).await;
    follower.abort();
    trace_checker.await.expect("the trace checker does not panic");
    query_all(&injector.load, &ledger).await;
    let ends = ends.await.expect("counting does not panic");
    ChaosReport {
        seed,
        jobs,
        rate,
        ack_wait_seconds: ack_wait.as_secs_f64(),
        seconds: started_at.elapsed().as_secs_f64(),
        findings: ledger.findings(),
        never_accepted: injector.load.refused(),
        spans_dropped: count(injector.dropped.1),
        faults: with_recovery(faults, &EndRates::new(ends, rate)),
    }
}

/// Starts the lab, with a proxy to the broker and one to the console.
async fn set_up(options: &ChaosOptions, ledger: &Ledger) -> FaultInjector {
    let receiver = NotificationReceiver::start(ledger.clone()).await;
    let broker_proxy = Proxy::start(Naming::Nats).await;
    let telemetry_proxy = Proxy::start(Naming::Fixed(TELEMETRY_CONNECTION)).await;
    let lab = LabUnderTest::start_with(&options.waybill, |lab| {
        broker_proxy.forward_to(lab.ports.nats);
        telemetry_proxy.forward_to(lab.ports.otlp_grpc);
        lab.processors = PROCESSORS;
        lab.ack_wait = Some(options.ack_wait);
        lab.otlp_endpoint = Some(format!("http://{}", telemetry_proxy.address()));
        let nats = format!("nats://{}", broker_proxy.address());
        let settings =
            [("WAYBILL_NATS_URL", nats), ("WAYBILL_WEBHOOK_ALLOW", receiver.authority())];
        lab.env.extend(settings.map(|(name, value)| (name.to_owned(), value)));
    })
    .await;
    let nats = async_nats::ConnectOptions::new().max_reconnects(None).connect(lab.nats_url());
    let nats = nats.await.expect("the broker accepts connections");
    let gateway = Url::parse(&lab.gateway_url()).expect("the URL of the gateway");
    let load = ChaosLoad::new(&gateway, receiver.url(), options.seed, ledger.clone());
    FaultInjector {
        client: Client::of(&lab),
        broker: jetstream::new(nats),
        broker_proxy,
        telemetry_proxy,
        receiver,
        load,
        ledger: ledger.clone(),
        outages: Outages::default(),
        dropped: Default::default(),
        ack_wait: options.ack_wait,
        repeats: JoinSet::new(),
        lab,
    }
}

/// Starts the tasks that follow the record writes, check traces, and collect the times of all job ends.
fn observe(injector: &FaultInjector) -> (JoinHandle<()>, JoinHandle<()>, JoinHandle<Vec<i64>>) {
    let (writer, mut written) = mpsc::channel::<JobEnd>(JOB_ENDS_MAX);
    let (to_check, checks) = mpsc::channel(JOB_ENDS_MAX);
    let nats = injector.broker.client();
    let follower = tokio::spawn(record_writes::follow(nats, injector.ledger.clone(), writer));
    let ends = tokio::spawn(async move {
        let mut ends = Vec::new();
        while let Some(ended) = written.recv().await {
            ends.push(ended.at_ms);
            let _full = to_check.send(ended).await;
        }
        ends
    });
    let trace_checker = TraceChecker {
        client: injector.client.clone(),
        ledger: injector.ledger.clone(),
        outages: injector.outages.clone(),
    };
    (follower, tokio::spawn(trace_checker.run(checks)), ends)
}

/// Waits until every accepted job has ended and its notification has arrived, with a timeout: the report lists
/// what is still missing.
async fn wait_until_settled(ledger: &Ledger) {
    let deadline = Instant::now() + DRAIN_TIMEOUT;
    while Instant::now() < deadline {
        if ledger.open().is_empty() && ledger.not_notified().is_empty() {
            return;
        }
        sleep(POLL_INTERVAL).await;
    }
}

async fn query_all(load: &Arc<ChaosLoad>, ledger: &Ledger) {
    let query = |id| async move { ledger.final_view(id, load.job(id).await) };
    stream::iter(ledger.jobs()).for_each_concurrent(CONCURRENT_QUERIES, query).await;
}

fn with_recovery(faults: Vec<FaultEffect>, rates: &EndRates) -> Vec<FaultEffect> {
    let recovery = |fault: &FaultEffect| rates.recovery_ms(fault.injected_ms, fault.ended_ms);
    faults.into_iter().map(|fault| FaultEffect { recovery_ms: recovery(&fault), ..fault }).collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
fn count(number: f64) -> u64 {
    number as u64
}
