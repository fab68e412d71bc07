//! The report as text.

use std::fmt::{self, Display};

use super::{RATIOS, Report};
use crate::bench::Variant;

impl Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parameters(out)?;
        self.throughput(out)?;
        self.ratios(out)?;
        self.latency(out)?;
        self.usage(out)
    }
}

impl Report {
    fn parameters(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = &self.parameters;
        writeln!(
            out,
            "{} rounds of {} s after {} s of warm-up, {} jobs under way, {} processor(s), {} cores, version {}",
            by.rounds,
            by.measured_seconds,
            by.warm_up_seconds,
            by.in_flight,
            by.processors,
            by.cores,
            by.version
        )?;
        if !by.optimised {
            writeln!(out, "NOT AN OPTIMISED BUILD: these numbers say nothing; use --release")?;
        }
        if self.rounds_without_drops < self.rounds.len() {
            let without = self.rounds_without_drops;
            writeln!(
                out,
                "TELEMETRY WAS DROPPED with everything on: only {without} of {} rounds may be cited",
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
            "ratio, by round", "median", "min", "max", "must", "aim"
        )?;
        for (name, _, _, must, aim) in RATIOS {
            let Some(spread) = self.ratio_spreads.get(name) else { continue };
            let (median, min, max) = (spread.median, spread.min, spread.max);
            let verdict = match median {
                ratio if ratio >= aim => "",
                ratio if ratio >= must => "   below the aim",
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
            "\nend to end at {:.0} jobs/s ({:.0} % of the full load), {} jobs: p50 {:.1} ms, p95 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
            latency.rate,
            self.parameters.latency_load * 100.0,
            latency.jobs,
            latency.p50_ms,
            latency.p95_ms,
            latency.p99_ms,
            latency.max_ms
        )
    }

    fn usage(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "\n{:<14} {:>6} {:>9}   everything on", "part", "CPU %", "MiB")?;
        for used in self.used(Variant::On) {
            writeln!(
                out,
                "{:<14} {:>6.0} {:>9.1}",
                used.part, used.cpu_percent, used.resident_mib
            )?;
        }
        Ok(())
    }
}
