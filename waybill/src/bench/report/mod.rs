//! The report of a bench, as text and JSON.

mod table;

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Bench, Variant,
    latency::Latency,
    numbers::{Spread, median},
    usage::PartUsage,
};

/// One measurement of one variant.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Measurement {
    pub(crate) variant: Variant,
    pub(crate) jobs_per_second: f64,
    /// Spans and log lines that were dropped.
    pub(crate) dropped: f64,
    pub(crate) used: Vec<PartUsage>,
}

/// One measurement of every variant, in the same minutes.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RoundResult {
    pub(crate) trials: Vec<Measurement>,
}

impl RoundResult {
    /// The measurement of one variant.
    pub(super) fn of(&self, variant: Variant) -> &Measurement {
        let found = self.trials.iter().find(|trial| trial.variant == variant);
        found.expect("a round has every variant")
    }
}

/// The report. Ratios are computed within each round, then their median.
#[derive(Debug, Serialize)]
pub(crate) struct BenchReport {
    pub(crate) parameters: Parameters,
    /// Medians, by name.
    pub(crate) ratios: BTreeMap<&'static str, f64>,
    /// The same with minimum and maximum.
    pub(crate) ratio_spreads: BTreeMap<&'static str, Spread>,
    pub(crate) throughput: BTreeMap<String, Spread>,
    pub(crate) latency: Latency,
    /// Rounds with everything on in which nothing was dropped; only these are valid.
    pub(crate) rounds_without_drops: usize,
    pub(crate) rounds: Vec<RoundResult>,
}

/// The parameters of the bench.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Parameters {
    pub(crate) rounds: u32,
    pub(crate) in_flight: usize,
    pub(crate) processors: u16,
    pub(crate) warm_up_seconds: f64,
    pub(crate) measured_seconds: f64,
    pub(crate) latency_load: f64,
    pub(crate) cores: usize,
    pub(crate) version: &'static str,
    pub(crate) optimised: bool,
}

/// A ratio with its budget: name, numerator, denominator, minimum and target.
pub(super) const RATIOS: [(&str, Variant, Variant, f64, f64); 4] = [
    ("pipeline_to_relay", Variant::On, Variant::Relay, 0.35, 0.60),
    ("telemetry_on_to_off", Variant::On, Variant::Off, 0.60, 0.85),
    ("target_down_to_up", Variant::Down, Variant::On, 0.95, 0.98),
    ("target_hanging_to_up", Variant::Hanging, Variant::On, 0.95, 0.98),
];

impl BenchReport {
    pub(super) fn new(bench: &Bench, rounds: Vec<RoundResult>, latency: Latency) -> Self {
        let spreads: BTreeMap<_, _> = RATIOS
            .into_iter()
            .map(|(name, above, below, ..)| {
                let ratios = rounds
                    .iter()
                    .map(|round| round.of(above).jobs_per_second / round.of(below).jobs_per_second);
                (name, Spread::of(ratios))
            })
            .collect();
        let throughput = Variant::ALL.into_iter().map(|variant| {
            let rates = rounds.iter().map(|round| round.of(variant).jobs_per_second);
            (variant.to_string(), Spread::of(rates))
        });
        let without_drops = rounds.iter().filter(|round| round.of(Variant::On).dropped == 0.0);
        Self {
            parameters: Parameters::of(bench),
            ratios: spreads.iter().map(|(name, spread)| (*name, spread.median)).collect(),
            ratio_spreads: spreads,
            throughput: throughput.collect(),
            latency,
            rounds_without_drops: without_drops.count(),
            rounds,
        }
    }

    /// Median resource usage of each part in one variant, in the order of the first round.
    pub(super) fn used(&self, variant: Variant) -> Vec<PartUsage> {
        let all = || self.rounds.iter().flat_map(|round| &round.of(variant).used);
        let first = self.rounds.first().map(|round| round.of(variant).used.as_slice());
        let parts = first.unwrap_or_default().iter().map(|used| used.part.clone());
        let parts = parts.map(|part| {
            let of = |what: fn(&PartUsage) -> f64| {
                median(all().filter(|used| used.part == part).map(what))
            };
            PartUsage {
                part: part.clone(),
                cpu_percent: of(|one| one.cpu_percent),
                cpu_us_per_job: of(|one| one.cpu_us_per_job),
                resident_mib: of(|one| one.resident_mib),
            }
        });
        parts.collect()
    }
}

impl Parameters {
    fn of(bench: &Bench) -> Self {
        Self {
            rounds: bench.rounds,
            in_flight: bench.in_flight,
            processors: bench.processors,
            warm_up_seconds: bench.warm_up.as_secs_f64(),
            measured_seconds: bench.measured.as_secs_f64(),
            latency_load: bench.load,
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            version: env!("CARGO_PKG_VERSION"),
            optimised: !cfg!(debug_assertions),
        }
    }
}
