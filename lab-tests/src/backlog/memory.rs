//! The memory of a lab's parts, from the kernel.

use std::fs;

use lab::Part;
use serde::Serialize;
use testkit::LabUnderTest;

/// What a part's own memory may grow by while jobs queue up, in MiB: the gateway's index of 100,000 jobs
/// is the largest thing that any of the services keeps.
const GROWTH_MAX_MIB: f64 = 24.0;

/// A part's own memory (heap and stacks) before, halfway and after, in MiB.
#[derive(Debug, Clone, Serialize)]
pub struct PartMemory {
    /// The part.
    pub part: String,
    /// With a few jobs.
    pub before_mib: f64,
    /// With half of them.
    pub half_mib: f64,
    /// With all of them.
    pub after_mib: f64,
    /// Whether it must stay flat: the broker keeps an index of all messages, the console of all spans up to its caps.
    pub is_service: bool,
}

impl PartMemory {
    /// The parts that run all the time.
    pub(super) fn table(
        before: Vec<(Part, f64)>,
        half: &[(Part, f64)],
        after: &[(Part, f64)],
    ) -> Vec<Self> {
        let find =
            |all: &[(Part, f64)], part| all.iter().find(|(own, _)| *own == part).map(|own| own.1);
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

    /// A service is flat when it stays within its allowance, however many jobs wait.
    pub fn is_flat(&self) -> bool {
        !self.is_service || self.after_mib - self.before_mib <= GROWTH_MAX_MIB
    }
}

/// The memory of each part that runs, in MiB.
pub(super) fn of(lab: &LabUnderTest) -> Vec<(Part, f64)> {
    lab.parts().into_iter().filter_map(|status| Some((status.part, mib(status.pid?)?))).collect()
}

fn mib(pid: u32) -> Option<f64> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Anonymous:"))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
}
