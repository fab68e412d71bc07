//! Resource usage of the parts of a lab, from the kernel. Linux only: elsewhere the columns are empty.

use std::time::Duration;

use lab::embedded::Embedded;
use serde::Serialize;
use tokio::time::Instant;

/// Resource usage of one part during a measurement.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct PartUsage {
    /// The part; `bench` is this process, which generates the load.
    pub(crate) part: String,
    /// CPU time, as a percentage of one core.
    pub(crate) cpu_percent: f64,
    /// CPU time per job, in microseconds.
    pub(crate) cpu_us_per_job: f64,
    /// Resident memory at the end, in MiB, shared pages counted in full.
    pub(crate) resident_mib: f64,
}

/// CPU time of each part at a moment.
pub(super) struct UsageMeter {
    parts: Vec<(String, u32)>,
    started_at: Instant,
    before: Vec<Option<Duration>>,
}

impl UsageMeter {
    /// Starts to measure the parts of a lab and this process.
    pub(super) fn start(lab: &Embedded) -> Self {
        let own = ("bench".to_owned(), std::process::id());
        let parts = lab.parts().into_iter();
        let parts = parts.filter_map(|status| Some((status.part.to_string(), status.pid?)));
        let parts: Vec<_> = parts.chain([own]).collect();
        let before = parts.iter().map(|(_, pid)| kernel::cpu(*pid)).collect();
        Self { parts, started_at: Instant::now(), before }
    }

    /// The usage since the start, at this rate of jobs per second.
    pub(super) fn read(&self, jobs_per_second: f64) -> Vec<PartUsage> {
        let time = self.started_at.elapsed().as_secs_f64();
        let parts = self.parts.iter().zip(&self.before);
        let used = parts.filter_map(|((part, pid), before)| {
            let cpu = kernel::cpu(*pid)?.saturating_sub((*before)?);
            let cores = cpu.as_secs_f64() / time;
            Some(PartUsage {
                part: part.clone(),
                cpu_percent: cores * 100.0,
                cpu_us_per_job: cores / jobs_per_second * 1e6,
                resident_mib: kernel::resident_mib(*pid)?,
            })
        });
        used.collect()
    }
}

#[cfg(target_os = "linux")]
mod kernel {
    use std::time::Duration;

    use procfs::process::Process;

    /// CPU time of a process.
    pub(super) fn cpu(pid: u32) -> Option<Duration> {
        let stat = process(pid)?.stat().ok()?;
        let ticks = stat.utime + stat.stime;
        let ticks = u32::try_from(ticks).ok()?;
        let second = u32::try_from(procfs::ticks_per_second()).ok()?;
        Some(Duration::from_secs(1) * ticks / second)
    }

    pub(super) fn resident_mib(pid: u32) -> Option<f64> {
        let kib = process(pid)?.status().ok()?.vmrss?;
        Some(f64::from(u32::try_from(kib).ok()?) / 1024.0)
    }

    fn process(pid: u32) -> Option<Process> {
        Process::new(i32::try_from(pid).ok()?).ok()
    }
}

#[cfg(not(target_os = "linux"))]
mod kernel {
    use std::time::Duration;

    pub(super) fn cpu(_: u32) -> Option<Duration> {
        None
    }

    pub(super) fn resident_mib(_: u32) -> Option<f64> {
        None
    }
}
