//! The stream of jobs and events: item `n` depends only on the seed and on `n`, not on the order or pace of
//! sending.

use contract::{
    job::JobSpec,
    operation::{Operation, OperationKind},
};
use rand::{RngExt as _, SeedableRng as _, distr::weighted::WeightedIndex, rngs::ChaCha8Rng};
use serde_json::{Value, json};

use super::{
    mix::{Mix, MixKind},
    random,
};

/// Random streams per seed: one for the items, one for the timing.
const STREAMS: u64 = 2;

/// The items of a load.
#[derive(Debug, Clone)]
pub struct LoadPlan {
    seed: u64,
    mix: Mix,
    weighted_kinds: WeightedIndex<u32>,
}

/// One item to send.
#[derive(Debug, Clone, PartialEq)]
pub enum LoadItem {
    /// A job, and its fault if it has one.
    Job {
        /// Its spec.
        spec: JobSpec,
        /// The fault, in the grammar of the `waybill-fault` header.
        fault: Option<String>,
    },
    /// An event from an allowed source, with data that is not a valid job.
    Malformed(Value),
    /// An event from a source that is not allowed, with data that is a valid job.
    Foreign(Value),
}

impl LoadPlan {
    /// The plan of this seed.
    pub fn new(seed: u64, mix: Mix) -> Self {
        let weights = mix.kinds.weights().iter().map(|(_, weight)| *weight);
        let weighted_kinds = WeightedIndex::new(weights).expect("kinds have a weight above 0");
        Self { seed, mix, weighted_kinds }
    }

    /// The seed.
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// The mix of jobs and events.
    pub const fn mix(&self) -> &Mix {
        &self.mix
    }

    /// Item `n`, from 0.
    pub fn item(&self, n: u64) -> LoadItem {
        let mut rng = self.stream(0, n);
        let dice: f64 = rng.random();
        let (malformed, foreign) = (self.mix.malformed.part(), self.mix.foreign.part());
        if dice < malformed {
            return LoadItem::Malformed(random::invalid_job(&mut rng));
        }
        let spec = self.spec(n, &mut rng);
        if dice < malformed + foreign {
            return LoadItem::Foreign(json!(spec));
        }
        let fault = self.mix.fault.as_ref();
        let fault = fault.filter(|(_, share)| rng.random::<f64>() < share.part());
        LoadItem::Job { spec, fault: fault.map(|(fault, _)| fault.clone()) }
    }

    fn spec(&self, n: u64, rng: &mut ChaCha8Rng) -> JobSpec {
        let (work, _) = self.mix.kinds.weights()[rng.sample(&self.weighted_kinds)];
        JobSpec {
            name: format!("load {n}"),
            operations: operations(work, rng),
            notify: self.mix.notify.clone(),
            deadline_seconds: None,
            attempts_max: None,
        }
    }

    /// The random choices about when item or burst `n` is sent.
    pub(super) fn timing(&self, n: u64) -> ChaCha8Rng {
        self.stream(1, n)
    }

    fn stream(&self, which: u64, n: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(n.wrapping_mul(STREAMS).wrapping_add(which));
        rng
    }
}

fn operations(work: MixKind, rng: &mut ChaCha8Rng) -> Vec<Operation> {
    match work {
        MixKind::Operation(kind) => vec![kind.random(rng)],
        MixKind::Fail => vec![random::failing(rng)],
        MixKind::Mixed => {
            let count = rng.random_range(2_u32..=5);
            let kinds = OperationKind::ALL;
            (0..count).map(|_| kinds[rng.random_range(0..kinds.len())].random(rng)).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::load::mix::{KindWeights, Share};

    fn mix(malformed: f64, foreign: f64) -> Mix {
        Mix {
            malformed: Share::new(malformed).unwrap(),
            foreign: Share::new(foreign).unwrap(),
            fault: Some(("processor=error@1".to_owned(), Share::new(0.5).unwrap())),
            ..Mix::default()
        }
    }

    fn items(plan: &LoadPlan, numbers: impl Iterator<Item = u64>) -> Vec<LoadItem> {
        numbers.map(|n| plan.item(n)).collect()
    }

    proptest! {
        #[test]
        fn the_same_seed_gives_the_same_stream_in_any_order(seed: u64, other: u64) {
            let plan = LoadPlan::new(seed, mix(0.2, 0.2));
            let forwards = items(&plan, 0..60);
            let mut backwards = items(&LoadPlan::new(seed, mix(0.2, 0.2)), (0..60).rev());
            backwards.reverse();
            prop_assert_eq!(&forwards, &backwards);
            let different = items(&LoadPlan::new(other, mix(0.2, 0.2)), 0..60);
            prop_assert_eq!(seed == other, forwards == different);
        }

        #[test]
        fn jobs_are_valid_and_malformed_data_never_is(seed: u64) {
            for item in items(&LoadPlan::new(seed, mix(0.3, 0.3)), 0..100) {
                let data = match item {
                    LoadItem::Job { spec, .. } => { prop_assert!(spec.check().is_ok()); continue }
                    LoadItem::Foreign(data) => {
                        let spec: JobSpec = serde_json::from_value(data).unwrap();
                        prop_assert!(spec.check().is_ok());
                        continue;
                    }
                    LoadItem::Malformed(data) => data,
                };
                prop_assert!(!data.is_null());
                let read = serde_json::from_value::<JobSpec>(data).ok();
                let is_job = read.is_some_and(|spec| spec.check().is_ok());
                prop_assert!(!is_job);
            }
        }
    }

    #[test]
    fn shares_and_weights_are_kept_in_the_long_run() {
        let kinds: KindWeights = "add=3,fail=1".parse().unwrap();
        let plan = LoadPlan::new(7, Mix { kinds, ..mix(0.1, 0.2) });
        let (mut malformed, mut foreign, mut faults, mut adds, mut jobs) = (0, 0, 0, 0, 0);
        for item in items(&plan, 0..10_000) {
            match item {
                LoadItem::Malformed(_) => malformed += 1,
                LoadItem::Foreign(_) => foreign += 1,
                LoadItem::Job { spec, fault } => {
                    jobs += 1;
                    faults += u32::from(fault.is_some());
                    adds += u32::from(spec.operations[0].kind() == OperationKind::Add);
                }
            }
        }
        assert!((900..1_100).contains(&malformed) && (1_850..2_150).contains(&foreign));
        assert!((jobs * 45 / 100..jobs * 55 / 100).contains(&faults), "{faults} of {jobs}");
        assert!((jobs * 70 / 100..jobs * 80 / 100).contains(&adds), "{adds} of {jobs}");
    }
}
