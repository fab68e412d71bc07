//! Injects the scheduled faults, and verifies that they took effect.

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

/// Timeout for the effect of a fault.
const EFFECT_TIMEOUT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Proof that a fault took effect, or what was observed instead.
type Proof = Result<String, String>;

/// Injects faults into a lab.
pub struct Striker {
    /// The lab under test.
    pub lab: LabUnderTest,
    /// The client of the lab.
    pub client: Client,
    /// The broker, over a direct connection.
    pub broker: jetstream::Context,
    /// The proxy between the services and the broker.
    pub broker_proxy: Proxy,
    /// The proxy between the services and the telemetry target.
    pub telemetry_proxy: Proxy,
    /// The webhook receiver.
    pub receiver: Receiver,
    /// The load.
    pub load: Arc<Load>,
    /// The ledger.
    pub ledger: Ledger,
    /// Outages, during which telemetry may be dropped.
    pub outages: Outages,
    /// The lab's ack wait.
    pub ack_wait: Duration,
    /// Repeated submissions in progress.
    pub repeats: JoinSet<()>,
    /// Spans dropped by each service as of the last query, and the total.
    pub dropped: (HashMap<u16, f64>, f64),
}

impl Striker {
    /// Injects the fault when the load has reached its job, and waits until it is over.
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

    /// How often parts of this stage were restarted after a crash.
    fn restarts(&self, stage: Stage) -> u32 {
        let parts = self.lab.parts();
        let of_stage = parts.iter().filter(|status| status.part.command() == stage.name());
        of_stage.map(|status| status.restarts).sum()
    }

    /// Waits for a condition, with a timeout.
    async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) -> Proof {
        self.within(EFFECT_TIMEOUT, what, is_so).await
    }

    async fn within(&self, limit: Duration, what: &str, is_so: impl Fn(&Self) -> bool) -> Proof {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            if is_so(self) {
                return Ok(what.to_owned());
            }
            sleep(POLL_INTERVAL).await;
        }
        Err(format!("not within {limit:?}: {what}"))
    }

    /// Adds the spans dropped since the last query. A restarted service counts from zero.
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
