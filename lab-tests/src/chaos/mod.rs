//! The chaos harness: injects every known fault into a real lab under load, by a schedule that a seed replays, and
//! checks with a ledger that every accepted job took effect exactly once.
//!
//! - `schedule`, `fault`: which faults are injected, and when
//! - `task`, `load`: the jobs, and the clients that send them
//! - `strike`: injects the faults; `proxy` sits between the services and the broker
//! - `records`, `receiver`, `traces`: independent observations of the jobs
//! - `ledger`: what was accepted, what was observed, and the differences
//! - `rates`, `report`: the result of the run

pub mod fault;
pub mod ledger;
pub mod load;
pub mod proxy;
pub mod rates;
pub mod receiver;
pub mod records;
pub mod report;
pub mod schedule;
pub mod strike;
pub mod task;
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
    ledger::Ledger,
    load::Load,
    proxy::{Naming, Proxy},
    rates::Rates,
    receiver::Receiver,
    records::Ended,
    report::{Report, Struck},
    schedule::{PROCESSORS, Schedule},
    strike::Striker,
    traces::{Outages, Watcher},
};
use crate::Client;

/// The name of every connection that carries telemetry.
const TELEMETRY_CONNECTION: &str = "telemetry";
/// Ends that may wait for a check of their trace.
const ENDS_WAITING_MAX: usize = 100_000;
/// Timeout for all jobs to end after the last one was sent: the longest retry delay of a notification is a minute.
const DRAIN_TIMEOUT: Duration = Duration::from_mins(3);
/// Concurrent queries for jobs at the end.
const CONCURRENT_QUERIES: usize = 8;
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// The parameters of a run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The executable under test.
    pub waybill: PathBuf,
    /// Seed of the schedule and the jobs.
    pub seed: u64,
    /// Number of jobs.
    pub jobs: usize,
    /// Highest rate, in jobs per second.
    pub rate: f64,
    /// The lab's ack wait. With a short one, more faults fit into a run.
    pub ack_wait: Duration,
}

/// Runs the whole schedule against a fresh lab, and prints its progress on standard error.
pub async fn run(options: &Options) -> Report {
    let Options { seed, jobs, rate, ack_wait, .. } = *options;
    let plan = Schedule::draw(seed, jobs, rate, ack_wait);
    let (rate, faults) = (plan.rate, plan.faults.len());
    eprintln!("seed {seed}: {jobs} jobs at {rate:.1}/s, {faults} faults, ack wait {ack_wait:?}");
    let ledger = Ledger::default();
    let mut striker = set_up(options, &ledger).await;
    let (follower, watcher, ends) = watch(&striker);
    let began = Instant::now();
    let sending = tokio::spawn(striker.load.clone().run(jobs, rate));
    let mut faults = Vec::with_capacity(plan.faults.len());
    for planned in plan.faults {
        let struck = striker.strike(planned).await;
        eprintln!("{:>6.1} s  {} {:?}", began.elapsed().as_secs_f64(), struck.fault, struck.proof);
        faults.push(struck);
    }
    sending.await.expect("clients do not panic");
    while striker.repeats.join_next().await.is_some() {}
    wait_until_settled(&ledger).await;
    follower.abort();
    watcher.await.expect("the watcher does not panic");
    query_all(&striker.load, &ledger).await;
    let ends = ends.await.expect("counting does not panic");
    Report {
        seed,
        jobs,
        rate,
        ack_wait_seconds: ack_wait.as_secs_f64(),
        seconds: began.elapsed().as_secs_f64(),
        findings: ledger.findings(),
        never_accepted: striker.load.refused(),
        spans_dropped: whole(striker.dropped.1),
        faults: with_recovery(faults, &Rates::new(ends, rate)),
    }
}

/// Starts the lab, with a proxy to the broker and one to the console.
async fn set_up(options: &Options, ledger: &Ledger) -> Striker {
    let receiver = Receiver::start(ledger.clone()).await;
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
    let load = Load::new(&gateway, receiver.url(), options.seed, ledger.clone());
    Striker {
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

/// Follows the records, checks traces, and collects the times of all ends.
fn watch(striker: &Striker) -> (JoinHandle<()>, JoinHandle<()>, JoinHandle<Vec<i64>>) {
    let (seen, mut to_split) = mpsc::channel::<Ended>(ENDS_WAITING_MAX);
    let (to_look, looks) = mpsc::channel(ENDS_WAITING_MAX);
    let nats = striker.broker.client();
    let follower = tokio::spawn(records::follow(nats, striker.ledger.clone(), seen));
    let ends = tokio::spawn(async move {
        let mut ends = Vec::new();
        while let Some(ended) = to_split.recv().await {
            ends.push(ended.at_ms);
            let _full = to_look.send(ended).await;
        }
        ends
    });
    let watcher = Watcher {
        client: striker.client.clone(),
        ledger: striker.ledger.clone(),
        outages: striker.outages.clone(),
    };
    (follower, tokio::spawn(watcher.run(looks)), ends)
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

async fn query_all(load: &Arc<Load>, ledger: &Ledger) {
    let query = |id| async move { ledger.queried(id, load.job(id).await) };
    stream::iter(ledger.jobs()).for_each_concurrent(CONCURRENT_QUERIES, query).await;
}

fn with_recovery(faults: Vec<Struck>, rates: &Rates) -> Vec<Struck> {
    let recovery = |fault: &Struck| rates.recovery_ms(fault.struck_ms, fault.lifted_ms);
    faults.into_iter().map(|fault| Struck { recovery_ms: recovery(&fault), ..fault }).collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
fn whole(count: f64) -> u64 {
    count as u64
}
