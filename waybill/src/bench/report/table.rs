//! The report as text.

use std::fmt::{self, Display};

use super::{BenchReport, RATIOS};
use crate::bench::{Variant, numbers::Spread, stage_metrics::StageTime, usage::PartUsage};

impl Display for BenchReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parameters(out)?;
        self.throughput(out)?;
        self.ratios(out)?;
        self.latency(out)?;
        self.usage(out)
    }
}

impl BenchReport {
    fn parameters(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = &self.parameters;
        writeln!(
            out,
            "{} rounds of {} s after {} s of warm-up, {} unfinished jobs, {} processor(s), {} cores, version {}",
            by.rounds,
            by.measured_seconds,
            by.warm_up_seconds,
            by.in_flight,
            by.processors,
            by.cores,
            by.version
        )?;
        if !by.optimised {
            writeln!(
                out,
                "NOT AN OPTIMIZED BUILD: these numbers are meaningless; build with --profile dist"
            )?;
        }
        if self.rounds_without_drops < self.rounds.len() {
            let without = self.rounds_without_drops;
            writeln!(
                out,
                "TELEMETRY WAS DROPPED with everything on: only {without} of {} rounds are valid",
                self.rounds.len()
            )?;
        }
        Ok(())
    }

    fn throughput(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "\n{:<16} {:>8} {:>8} {:>8}   jobs/s", "", "median", "min", "max")?;
        for variant in Variant::ALL {
            let Some(spread) = self.throughput.get(&variant.to_string()) else { continue };
            let (median, min, max) = (spread.median, spread.min, spread.max);
            writeln!(out, "{variant:<16} {median:>8.0} {min:>8.0} {max:>8.0}")?;
        }
        Ok(())
    }

    fn ratios(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "\n{:<22} {:>6} {:>6} {:>6} {:>6} {:>6}",
            "ratio, by round", "median", "min", "max", "min ok", "target"
        )?;
        for (name, _, _, must, aim) in RATIOS {
            let Some(spread) = self.ratio_spreads.get(name) else { continue };
            let (median, min, max) = (spread.median, spread.min, spread.max);
            let verdict = match median {
                ratio if ratio >= aim => "",
                ratio if ratio >= must => "   below target",
                _ => "   MISSED",
            };
            writeln!(
                out,
                "{name:<22} {median:>6.2} {min:>6.2} {max:>6.2} {must:>6.2} {aim:>6.2}{verdict}"
            )?;
        }
        Ok(())
    }

    fn latency(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let latency = &self.latency;
        writeln!(
            out,
            "\nend to end, ms, at {:.0} jobs/s ({:.0} % of the full load), {} jobs",
            latency.rate,
            self.parameters.latency_load * 100.0,
            latency.jobs,
        )?;
        for (name, Spread { median, min, max }) in [
            ("p50", latency.p50_ms),
            ("p95", latency.p95_ms),
            ("p99", latency.p99_ms),
            ("longest", latency.max_ms),
        ] {
            writeln!(out, "{name:<16} {median:>8.1} {min:>8.1} {max:>8.1}")?;
        }
        writeln!(out, "\n{:<14} {:>8} {:>8}   ms at that load, mean", "stage", "queue", "work")?;
        for StageTime { stage, wait_ms, work_ms } in &latency.stages {
            writeln!(out, "{:<14} {wait_ms:>8.2} {work_ms:>8.2}", stage.name())?;
        }
        Ok(())
    }

    /// CPU time is valid even on a shared machine: it excludes other processes.
    fn usage(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = [Variant::On, Variant::Off, Variant::Relay];
        let [on, off, relay] = columns.map(|variant| self.used(variant));
        let of = |all: &[PartUsage], part: &str| {
            all.iter().find(|used| used.part == part).map_or(0.0, |used| used.cpu_us_per_job)
        };
        writeln!(
            out,
            "\n{:<14} {:>8} {:>8} {:>8} {:>9}",
            "CPU µs per job", "on", "off", "relay", "MiB, on"
        )?;
        for used in &on {
            let part = used.part.as_str();
            let (off, relay) = (of(&off, part), of(&relay, part));
            let (on, memory) = (used.cpu_us_per_job, used.resident_mib);
            writeln!(out, "{part:<14} {on:>8.0} {off:>8.0} {relay:>8.0} {memory:>9.1}")?;
        }
        let sum = |all: &[PartUsage]| all.iter().map(|used| used.cpu_us_per_job).sum::<f64>();
        let (on, off, relay) = (sum(&on), sum(&off), sum(&relay));
        writeln!(out, "{:<14} {on:>8.0} {off:>8.0} {relay:>8.0}", "all")
    }
}
