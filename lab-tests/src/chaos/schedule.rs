//! The schedule of faults: the same seed injects the same faults at the same jobs.

use std::time::Duration;

use contract::{Stage, topology};
use lab::Part;
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};

use super::fault::{ChaosFault, NetworkFault, ReceiverFault, TelemetryFault, fault_points};

/// Number of processors, so that one can take over from the other.
pub const PROCESSORS: u16 = 2;
/// Jobs are submitted for this long plus an ack wait after the last fault, to measure the recovery.
const RECOVERY_TIME: Duration = Duration::from_secs(10);
/// Number of kinds of faults; each fault point of a crash is one.
pub const FAULT_KINDS: usize = 15 + 17;
/// Jobs are submitted for this long before the first fault, to measure the baseline.
const BASELINE_TIME: Duration = Duration::from_secs(6);

/// A fault and the job at which it is injected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScheduledFault {
    /// The fault is injected when this many jobs were sent.
    pub at_job: usize,
    /// What is injected.
    pub fault: ChaosFault,
}

/// The schedule of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct ChaosSchedule {
    /// Jobs per second.
    pub rate: f64,
    /// The faults, in order.
    pub faults: Vec<ScheduledFault>,
}

impl ChaosSchedule {
    /// Schedules every kind of fault once, in random order, and repeats that while more fit into `jobs` jobs at
    /// `rate` per second. Lowers the rate if not all kinds fit once.
    pub fn new(seed: u64, jobs: usize, rate: f64, ack_wait: Duration) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let first = all_kinds(&mut rng);
        let reserved_time = |fault: &ChaosFault| fault.reserved_time(ack_wait);
        let recovery = RECOVERY_TIME + ack_wait;
        let shortest = BASELINE_TIME + recovery + first.iter().map(reserved_time).sum::<Duration>();
        let rate = rate.min(jobs as f64 / shortest.as_secs_f64());
        let mut faults = Vec::new();
        let (mut at, mut pending) = (BASELINE_TIME, first);
        loop {
            for fault in pending {
                let at_job = job_at(at, rate);
                at += reserved_time(&fault);
                if job_at(at + recovery, rate) > jobs + 1 {
                    return Self { rate, faults };
                }
                faults.push(ScheduledFault { at_job, fault });
            }
            pending = all_kinds(&mut rng);
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and positive")]
fn job_at(at: Duration, rate: f64) -> usize {
    (at.as_secs_f64() * rate) as usize
}

/// Every kind once, in random order.
fn all_kinds(rng: &mut StdRng) -> Vec<ChaosFault> {
    let mut faults = vec![
        ChaosFault::BrokerKilled,
        ChaosFault::BrokerStopped,
        ChaosFault::BrokerOutage,
        ChaosFault::Poison,
        ChaosFault::RollingRestart,
        ChaosFault::Receiver(ReceiverFault::Failing),
        ChaosFault::Receiver(ReceiverFault::Closed),
    ];
    faults.extend(fault_points().map(|(stage, point)| ChaosFault::Crash(stage, point)));
    for part in [Part::Gateway, Part::Ingester, processor(rng), Part::Notifier, Part::Console] {
        faults.push(ChaosFault::Kill(part));
    }
    for part in [Part::Ingester, processor(rng), Part::Notifier] {
        faults.push(ChaosFault::Suspend(part));
    }
    let queues = topology::WORK_QUEUES.map(|stream| ChaosFault::Full(stream.name));
    faults.extend(queues);
    faults.push(ChaosFault::Full(topology::STORES[0]));
    for how in
        [NetworkFault::Reset, NetworkFault::Delay, NetworkFault::HalfOpen, NetworkFault::Throttle]
    {
        faults.push(ChaosFault::Network(how, Stage::ALL[rng.random_range(0..Stage::ALL.len())]));
    }
    let telemetry = [TelemetryFault::Down, TelemetryFault::Hanging, TelemetryFault::Slow];
    faults.extend(telemetry.map(ChaosFault::Telemetry));
    faults.shuffle(rng);
    faults
}

fn processor(rng: &mut StdRng) -> Part {
    Part::Processor(rng.random_range(1..=PROCESSORS))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_schedule_and_another_seed_does_not() {
        let schedule = |seed| ChaosSchedule::new(seed, 5_000, 20.0, topology::ACK_WAIT);
        assert_eq!(schedule(7), schedule(7));
        assert_ne!(schedule(7), schedule(8));
    }

    #[test]
    fn every_kind_of_fault_fits_into_any_run() {
        for (seed, jobs) in [(1, 500), (2, 5_000), (3, 100_000)] {
            let schedule = ChaosSchedule::new(seed, jobs, 20.0, topology::ACK_WAIT);
            let kinds: BTreeSet<_> = schedule.faults.iter().map(|at| at.fault.kind()).collect();
            assert_eq!(kinds.len(), FAULT_KINDS, "{kinds:#?}");
            assert!(schedule.faults.is_sorted_by_key(|at| at.at_job));
            assert!(schedule.faults.last().unwrap().at_job < jobs);
        }
    }
}
