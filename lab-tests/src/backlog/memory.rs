//! The memory of the parts of a lab, read from `/proc`.

use std::fs;

use lab::Part;
use serde::Serialize;
use testkit::LabUnderTest;

/// Most growth of a service's private memory while jobs queue up, in MiB. The largest structure of any service is the
/// gateway's index of 100,000 jobs.
const GROWTH_MAX_MIB: f64 = 24.0;

/// Private memory (heap and stacks) of a part, in MiB.
#[derive(Debug, Clone, Serialize)]
pub struct PartMemory {
    /// Name of the part.
    pub part: String,
    /// With a few jobs in the lab.
    pub before_mib: f64,
    /// With half of the jobs.
    pub half_mib: f64,
    /// With all jobs.
    pub after_mib: f64,
    /// Whether its growth is limited. The broker keeps an index of all messages, and the console keeps spans up to its
    /// limits.
    pub is_service: bool,
}

impl PartMemory {
    /// One entry per part that runs during the whole measurement.
    pub(super) fn table(
        before: Vec<(Part, f64)>,
        half: &[(Part, f64)],
        after: &[(Part, f64)],
    ) -> Vec<Self> {
        let find = |all: &[(Part, f64)], part| {
            all.iter().find(|(other, _)| *other == part).map(|found| found.1)
        };
        let rows = before.into_iter().filter_map(|(part, before_mib)| {
            Some(Self {
                part: part.to_string(),
                before_mib,
                half_mib: find(half, part)?,
                after_mib: find(after, part)?,
                is_service: !matches!(part, Part::Nats | Part::Console),
            })
        });
        rows.collect()
    }

    /// Whether the growth is within its limit.
    pub fn is_flat(&self) -> bool {
        !self.is_service || self.after_mib - self.before_mib <= GROWTH_MAX_MIB
    }
}

/// Private memory of each running part, in MiB.
pub(super) fn of(lab: &LabUnderTest) -> Vec<(Part, f64)> {
    lab.parts().into_iter().filter_map(|status| Some((status.part, mib(status.pid?)?))).collect()
}

fn mib(pid: u32) -> Option<f64> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Anonymous:"))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
}
