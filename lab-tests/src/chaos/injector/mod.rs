//! Injects the scheduled faults, and verifies that they took effect.

mod broker;
mod connections;
mod processes;

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
    fault::ChaosFault,
    ledger::Ledger,
    load::ChaosLoad,
    notification_receiver::NotificationReceiver,
    proxy::Proxy,
    report::FaultEffect,
    schedule::{PROCESSORS, ScheduledFault},
    traces::Outages,
};
use crate::Client;

/// Timeout for the effect of a fault.
const EFFECT_TIMEOUT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Proof that a fault took effect, or what was observed instead.
type Proof = Result<String, String>;

/// Injects faults into a lab.
pub struct FaultInjector {
    /// The lab under test.
    pub lab: LabUnderTest,
    /// Client of the lab.
    pub client: Client,
    /// A direct connection to the broker.
    pub broker: jetstream::Context,
    /// The proxy between the services and the broker.
    pub broker_proxy: Proxy,
    /// The proxy between the services and the telemetry target.
    pub telemetry_proxy: Proxy,
    /// Webhook receiver of all jobs.
    pub receiver: NotificationReceiver,
    /// Submits the jobs.
    pub load: Arc<ChaosLoad>,
    /// Shared with the load and the observers.
    pub ledger: Ledger,
    /// Outages, during which telemetry may be dropped.
    pub outages: Outages,
    /// Ack wait of the lab.
    pub ack_wait: Duration,
    /// Repeated submissions in progress.
    pub repeats: JoinSet<()>,
    /// Spans dropped by each service as of the last query, and the total.
    pub dropped: (HashMap<u16, f64>, f64),
}

impl FaultInjector {
    /// Injects the fault when the load has reached its job, and waits until it is over.
    pub async fn inject(&mut self, scheduled: ScheduledFault) -> FaultEffect {
        let ScheduledFault { at_job, fault } = scheduled;
        self.load.wait_until_sent(at_job).await;
        let injected_ms = Clock::new().stamp_ms();
        let gap = fault.telemetry_gap();
        if let Some(why) = gap {
            self.outages.begin(injected_ms, why);
        }
        let proof = self.apply(at_job, fault).await;
        let ended_ms = Clock::new().stamp_ms();
        if gap.is_some() {
            self.outages.end(ended_ms);
        }
        self.count_dropped().await;
        let (kind, fault) = (fault.kind(), fault.to_string());
        FaultEffect { fault, kind, at_job, injected_ms, ended_ms, proof, recovery_ms: None }
    }

    async fn apply(&mut self, at_job: usize, fault: ChaosFault) -> Proof {
        let duration = fault.duration(self.ack_wait);
        match fault {
            ChaosFault::Crash(stage, point) => self.crash(at_job, stage, point).await,
            ChaosFault::Kill(part) => self.kill(part).await,
            ChaosFault::Suspend(part) => self.suspend(part, duration).await,
            ChaosFault::Poison => self.poison(at_job).await,
            ChaosFault::RollingRestart => self.rolling_restart().await,
            ChaosFault::BrokerKilled => self.broker_killed().await,
            ChaosFault::BrokerStopped | ChaosFault::BrokerOutage => {
                self.broker_stopped(duration).await
            }
            ChaosFault::Full(name) => self.full(name, duration).await,
            ChaosFault::Network(how, stage) => self.network(how, stage, duration).await,
            ChaosFault::Telemetry(how) => self.telemetry(how, duration).await,
            ChaosFault::Receiver(how) => self.receiver(how, duration).await,
        }
    }

    /// How often parts of this stage were restarted after a crash.
    fn restarts(&self, stage: Stage) -> u32 {
        let parts = self.lab.parts();
        let of_stage = parts.iter().filter(|status| status.part.command() == stage.name());
        of_stage.map(|status| status.restarts).sum()
    }

    /// Waits for a condition, with a timeout.
    async fn wait_until(&self, what: &str, condition: impl Fn(&Self) -> bool) -> Proof {
        self.wait_at_most(EFFECT_TIMEOUT, what, condition).await
    }

    async fn wait_at_most(
        &self,
        limit: Duration,
        what: &str,
        condition: impl Fn(&Self) -> bool,
    ) -> Proof {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            if condition(self) {
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
        let admin_ports = [
            ports.gateway_admin,
            ports.ingester_admin,
            ports.processor_admin,
            ports.notifier_admin,
        ];
        let series = format!("{}{{signal=\"spans\"}}", signals::TELEMETRY_DROPPED.name);
        for port in admin_ports.into_iter().chain(processors) {
            let Some(now) = self.client.metric(port, &series).await else { continue };
            let (last, sum) = &mut self.dropped;
            let before = last.insert(port, now).unwrap_or(0.0);
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
