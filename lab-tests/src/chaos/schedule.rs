//! The schedule, drawn from the seed: the same seed injects the same faults at the same jobs.

use std::time::Duration;

use contract::{Stage, topology};
use lab::Part;
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};

use super::fault::{Fault, Network, Receiver, Telemetry, boundaries};

/// Number of processors, so that one can take over from the other.
pub const PROCESSORS: u16 = 2;
/// Jobs are sent for this long plus an ack wait after the last fault, to observe the recovery.
const AFTER: Duration = Duration::from_secs(10);
/// Number of kinds of faults, counting each boundary of a crash.
pub const KINDS: usize = 15 + 17;
/// Jobs are sent for this long before the first fault, as a baseline.
const BEFORE: Duration = Duration::from_secs(6);

/// A fault and the job at which it strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// The fault is injected when this many jobs were sent.
    pub at_job: usize,
    /// The fault.
    pub fault: Fault,
}

/// The plan of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Jobs per second.
    pub rate: f64,
    /// The faults, in order.
    pub faults: Vec<Planned>,
}

impl Schedule {
    /// Plans `jobs` jobs at up to `rate` per second: every kind of fault once, in random order, then again
    /// until the jobs end. The rate is lower if one pass would not fit.
    pub fn draw(seed: u64, jobs: usize, rate: f64, ack_wait: Duration) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let first = pass(&mut rng);
        let share = |fault: &Fault| fault.share(ack_wait);
        let after = AFTER + ack_wait;
        let least = BEFORE + after + first.iter().map(share).sum::<Duration>();
        let rate = rate.min(jobs as f64 / least.as_secs_f64());
        let mut faults = Vec::new();
        let (mut at, mut pending) = (BEFORE, first);
        loop {
            for fault in pending {
                let at_job = job_at(at, rate);
                at += share(&fault);
                if job_at(at + after, rate) > jobs + 1 {
                    return Self { rate, faults };
                }
                faults.push(Planned { at_job, fault });
            }
            pending = pass(&mut rng);
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and positive")]
fn job_at(at: Duration, rate: f64) -> usize {
    (at.as_secs_f64() * rate) as usize
}

/// Every kind once, in random order.
fn pass(rng: &mut StdRng) -> Vec<Fault> {
    let mut faults = vec![
        Fault::BrokerKilled,
        Fault::BrokerStopped,
        Fault::BrokerAway,
        Fault::Poison,
        Fault::Roll,
        Fault::Receiver(Receiver::Failing),
        Fault::Receiver(Receiver::Closed),
    ];
    faults.extend(boundaries().map(|(stage, boundary)| Fault::Crash(stage, boundary)));
    for part in [Part::Gateway, Part::Ingester, processor(rng), Part::Notifier, Part::Console] {
        faults.push(Fault::Kill(part));
    }
    for part in [Part::Ingester, processor(rng), Part::Notifier] {
        faults.push(Fault::Sleep(part));
    }
    let queues = topology::WORK_QUEUES.map(|stream| Fault::Full(stream.name));
    faults.extend(queues);
    faults.push(Fault::Full(topology::STORES[0]));
    for how in [Network::Reset, Network::Delay, Network::HalfOpen, Network::Throttle] {
        faults.push(Fault::Network(how, Stage::ALL[rng.random_range(0..Stage::ALL.len())]));
    }
    let telemetry = [Telemetry::Down, Telemetry::Hanging, Telemetry::Slow];
    faults.extend(telemetry.map(Fault::Telemetry));
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
    fn a_seed_replays_its_schedule_and_another_one_does_not() {
        let draw = |seed| Schedule::draw(seed, 5_000, 20.0, topology::ACK_WAIT);
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn every_kind_of_fault_fits_into_any_run() {
        for (seed, jobs) in [(1, 500), (2, 5_000), (3, 100_000)] {
            let plan = Schedule::draw(seed, jobs, 20.0, topology::ACK_WAIT);
            let kinds: BTreeSet<_> = plan.faults.iter().map(|at| at.fault.kind()).collect();
            assert_eq!(kinds.len(), KINDS, "{kinds:#?}");
            assert!(plan.faults.is_sorted_by_key(|at| at.at_job));
            assert!(plan.faults.last().unwrap().at_job < jobs);
        }
    }
}
