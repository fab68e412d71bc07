//! Does what the schedule says, and sees to it that it was felt.

mod broker;
mod processes;
mod ways;

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_nats::jetstream;
use contract::{Stage, signals};
use lab::Part;
use runtime::clock::Clock;
use testkit::LabUnderTest;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{
    fault::Fault,
    ledger::Ledger,
    load::Load,
    proxy::Proxy,
    receiver::Receiver,
    report::Struck,
    schedule::{PROCESSORS, Planned},
    traces::Outages,
};
use crate::Client;

/// How long a fault may take to show.
const FELT_LIMIT: Duration = Duration::from_secs(30);
const LOOK_PAUSE: Duration = Duration::from_millis(50);

/// Whether a fault was felt: what showed it, or what was seen instead.
type Proof = Result<String, String>;

/// Everything that can be broken, and what tells that it was.
pub struct Striker {
    /// The lab that suffers.
    pub lab: LabUnderTest,
    /// Asks it.
    pub client: Client,
    /// The broker, on a way that nothing is wrong with.
    pub broker: jetstream::Context,
    /// The way between the services and the broker.
    pub broker_way: Proxy,
    /// The way between the services and the telemetry's target.
    pub telemetry_way: Proxy,
    /// Who is told.
    pub receiver: Receiver,
    /// Who sends jobs.
    pub load: Arc<Load>,
    /// What became of jobs.
    pub ledger: Ledger,
    /// When telemetry may be dropped.
    pub outages: Outages,
    /// The lab's ack wait.
    pub ack_wait: Duration,
    /// Jobs that are being sent again.
    pub repeats: JoinSet<()>,
    /// Spans that each service says it dropped, when it was asked last, and those of all in all.
    pub dropped: (HashMap<u16, f64>, f64),
}

impl Striker {
    /// Strikes when the load has come so far, and waits until the fault is over.
    pub async fn strike(&mut self, planned: Planned) -> Struck {
        let Planned { at_job, fault } = planned;
        self.load.reached(at_job).await;
        let struck_ms = Clock::new().stamp_ms();
        let gap = fault.telemetry_gap();
        if let Some(why) = gap {
            self.outages.begin(struck_ms, why);
        }
        let proof = self.hit(at_job, fault).await;
        let lifted_ms = Clock::new().stamp_ms();
        if gap.is_some() {
            self.outages.end(lifted_ms);
        }
        self.count_dropped().await;
        let (kind, fault) = (fault.kind(), fault.to_string());
        Struck { fault, kind, at_job, struck_ms, lifted_ms, proof, recovery_ms: None }
    }

    async fn hit(&mut self, at_job: usize, fault: Fault) -> Proof {
        let lasts = fault.lasts(self.ack_wait);
        match fault {
            Fault::Crash(stage, boundary) => self.crash(at_job, stage, boundary).await,
            Fault::Kill(part) => self.kill(part).await,
            Fault::Sleep(part) => self.hold(part, lasts).await,
            Fault::Poison => self.poison(at_job).await,
            Fault::Roll => self.roll().await,
            Fault::BrokerKilled => self.broker_killed().await,
            Fault::BrokerStopped | Fault::BrokerAway => self.broker_stopped(lasts).await,
            Fault::Full(name) => self.full(name, lasts).await,
            Fault::Network(how, stage) => self.network(how, stage, lasts).await,
            Fault::Telemetry(how) => self.telemetry(how, lasts).await,
            Fault::Receiver(how) => self.receiver(how, lasts).await,
        }
    }

    /// How often parts of this stage were started again after they ended unasked.
    fn restarts(&self, stage: Stage) -> u32 {
        let parts = self.lab.parts();
        let of_stage = parts.iter().filter(|status| status.part.command() == stage.name());
        of_stage.map(|status| status.restarts).sum()
    }

    /// Looks until it is so, or it took too long.
    async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) -> Proof {
        self.within(FELT_LIMIT, what, is_so).await
    }

    async fn within(&self, limit: Duration, what: &str, is_so: impl Fn(&Self) -> bool) -> Proof {
        let give_up = Instant::now() + limit;
        while Instant::now() < give_up {
            if is_so(self) {
                return Ok(what.to_owned());
            }
            sleep(LOOK_PAUSE).await;
        }
        Err(format!("not within {limit:?}: {what}"))
    }

    /// Adds what was dropped since the last look. A service that was restarted counts from zero.
    async fn count_dropped(&mut self) {
        let ports = self.lab.ports();
        let processors = (2..=PROCESSORS).map(|n| ports.processor_admin_of(n));
        let admins = [
            ports.gateway_admin,
            ports.ingester_admin,
            ports.processor_admin,
            ports.notifier_admin,
        ];
        let series = format!("{}{{signal=\"spans\"}}", signals::TELEMETRY_DROPPED.name);
        for admin in admins.into_iter().chain(processors) {
            let Some(now) = self.client.metric(admin, &series).await else { continue };
            let (last, sum) = &mut self.dropped;
            let before = last.insert(admin, now).unwrap_or(0.0);
            *sum += if now < before { now } else { now - before };
        }
    }
}

/// The services, in the order in which they are restarted.
fn services() -> Vec<Part> {
    let processors = (1..=PROCESSORS).map(Part::Processor);
    let others = [Part::Gateway, Part::Ingester, Part::Notifier];
    others.into_iter().chain(processors).collect()
}
