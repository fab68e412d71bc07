//! Breaks a real lab in every way that is known, under load, by a schedule that a seed replays, and
//! keeps books: what was promised must have happened, once.
//!
//! - `schedule`, `fault`: what is broken, and when
//! - `task`, `load`: the jobs, and the clients that send them
//! - `strike`: breaks things; `proxy` stands between the services and the broker for it
//! - `records`, `receiver`, `traces`: what is seen of the jobs, each on a way of its own
//! - `ledger`: what does not add up
//! - `rates`, `report`: what the run came to

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
const TELEMETRY_WAY: &str = "telemetry";
/// Ends that may wait for a look at their trace.
const ENDS_WAITING_MAX: usize = 100_000;
/// Time for everything to come to rest after the last job: the longest wait of a notice is a minute.
const REST: Duration = Duration::from_mins(3);
/// Jobs that are asked for at once in the end.
const ASKED_AT_ONCE: usize = 8;
const PAUSE: Duration = Duration::from_millis(200);

/// What a run is like.
#[derive(Debug, Clone)]
pub struct Options {
    /// The executable under test.
    pub waybill: PathBuf,
    /// Replays a schedule.
    pub seed: u64,
    /// How many jobs.
    pub jobs: usize,
    /// Jobs a second at most.
    pub rate: f64,
    /// The lab's ack wait. With a short one a run holds more faults.
    pub ack_wait: Duration,
}

/// Runs the whole schedule against a lab of its own, and tells how it went on standard error.
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
    rest(&ledger).await;
    follower.abort();
    watcher.await.expect("looking at traces does not panic");
    ask_all(&striker.load, &ledger).await;
    let ends = ends.await.expect("counting does not panic");
    Report {
        seed,
        jobs,
        rate,
        ack_wait_seconds: ack_wait.as_secs_f64(),
        seconds: began.elapsed().as_secs_f64(),
        findings: ledger.judge(),
        never_accepted: striker.load.refused(),
        spans_dropped: whole(striker.dropped.1),
        faults: with_recovery(faults, &Rates::new(ends, rate)),
    }
}

/// The lab, with a proxy on the way to the broker and one on the way to the console.
async fn set_up(options: &Options, ledger: &Ledger) -> Striker {
    let receiver = Receiver::start(ledger.clone()).await;
    let broker_way = Proxy::start(Naming::Nats).await;
    let telemetry_way = Proxy::start(Naming::Fixed(TELEMETRY_WAY)).await;
    let lab = LabUnderTest::start_with(&options.waybill, |lab| {
        broker_way.carry_to(lab.ports.nats);
        telemetry_way.carry_to(lab.ports.otlp_grpc);
        lab.processors = PROCESSORS;
        lab.ack_wait = Some(options.ack_wait);
        lab.otlp_endpoint = Some(format!("http://{}", telemetry_way.address()));
        let nats = format!("nats://{}", broker_way.address());
        let settings =
            [("WAYBILL_NATS_URL", nats), ("WAYBILL_WEBHOOK_ALLOW", receiver.authority())];
        lab.env.extend(settings.map(|(name, value)| (name.to_owned(), value)));
    })
    .await;
    let nats = async_nats::ConnectOptions::new().max_reconnects(None).connect(lab.nats_url());
    let nats = nats.await.expect("the broker takes connections");
    let load = Load::new(lab.gateway_url(), receiver.url(), options.seed, ledger.clone());
    Striker {
        client: Client::of(&lab),
        broker: jetstream::new(nats),
        broker_way,
        telemetry_way,
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

/// Follows the records, looks at traces, and keeps the times of all ends.
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

/// Waits until every promised job has ended and every owner was told, but not for ever: what is still
/// open then is what the report is for.
async fn rest(ledger: &Ledger) {
    let give_up = Instant::now() + REST;
    while Instant::now() < give_up {
        if ledger.open().is_empty() && ledger.untold().is_empty() {
            return;
        }
        sleep(PAUSE).await;
    }
}

async fn ask_all(load: &Arc<Load>, ledger: &Ledger) {
    let ask = |id| async move { ledger.answered(id, load.answer(id).await) };
    stream::iter(ledger.jobs()).for_each_concurrent(ASKED_AT_ONCE, ask).await;
}

fn with_recovery(faults: Vec<Struck>, rates: &Rates) -> Vec<Struck> {
    let recovery = |fault: &Struck| rates.recovery_ms(fault.struck_ms, fault.lifted_ms);
    faults.into_iter().map(|fault| Struck { recovery_ms: recovery(&fault), ..fault }).collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
fn whole(count: f64) -> u64 {
    count as u64
}
