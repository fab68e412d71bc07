//! Requirements of the machine: open files, memory, clock.

use std::time::{SystemTime, UNIX_EPOCH};

use runtime::clock::Clock;
use rustix::process::{Resource, getrlimit};

use super::check::DoctorCheck;

/// With fewer open files than this, the broker runs out of connections.
const FILES_MIN: u64 = 256;
/// Fewer than this give a note: a load test opens hundreds.
const FILES_ENOUGH: u64 = 1_024;
/// With less free memory than this, in MiB, parts are killed.
const MEMORY_MIB_MIN: u64 = 256;
/// Less than this gives a note.
const MEMORY_MIB_ENOUGH: u64 = 1_024;
/// The years in which a clock can be right, since 1970: 2025 to 2100.
const YEARS: std::ops::Range<u64> = 55..130;
const SECONDS_A_YEAR: u64 = 31_556_952;

pub(super) fn checks() -> [DoctorCheck; 3] {
    [open_files(), memory(available_mib()), clock(Clock::new().true_now())]
}

fn open_files() -> DoctorCheck {
    const NAME: &str = "open files";
    let Some(limit) = getrlimit(Resource::Nofile).current else {
        return DoctorCheck::ok(NAME, "no limit");
    };
    let found = format!("at most {limit}");
    match limit {
        0..FILES_MIN => {
            DoctorCheck::failed(NAME, found, "raise the limit in this shell: ulimit -n 4096")
        }
        FILES_MIN..FILES_ENOUGH => {
            DoctorCheck::note(NAME, found, "for load tests, raise the limit: ulimit -n 4096")
        }
        _ => DoctorCheck::ok(NAME, found),
    }
}

fn memory(available_mib: Option<u64>) -> DoctorCheck {
    const NAME: &str = "memory";
    let Some(mib) = available_mib else {
        return DoctorCheck::skipped(NAME, "not available on this system");
    };
    let found = format!("{mib} MiB available");
    match mib {
        0..MEMORY_MIB_MIN => DoctorCheck::failed(
            NAME,
            found,
            "close other programs: a lab needs about 150 MiB, and more under load",
        ),
        MEMORY_MIB_MIN..MEMORY_MIB_ENOUGH => DoctorCheck::note(
            NAME,
            found,
            "enough for a lab, but not for load tests beside other programs",
        ),
        _ => DoctorCheck::ok(NAME, found),
    }
}

/// Memory available without swapping; Linux only.
fn available_mib() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib / 1_024)
}

fn clock(now: SystemTime) -> DoctorCheck {
    const NAME: &str = "clock";
    let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let shown = contract::rfc3339(i64::try_from(seconds).unwrap_or(0).saturating_mul(1_000));
    if YEARS.contains(&(seconds / SECONDS_A_YEAR)) {
        DoctorCheck::ok(NAME, shown)
    } else {
        let advice = "set the clock: traces and logs use these times, and TLS refuses them";
        DoctorCheck::failed(NAME, format!("{shown} is wrong"), advice)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::commands::doctor::check::CheckStatus;

    #[test]
    fn a_clock_far_off_is_a_failure() {
        let at =
            |years: u64| clock(UNIX_EPOCH + Duration::from_secs(years * SECONDS_A_YEAR)).status;
        assert_eq!(
            (at(0), at(56), at(200)),
            (CheckStatus::Failed, CheckStatus::Ok, CheckStatus::Failed)
        );
    }

    #[test]
    fn little_memory_is_a_note_and_too_little_a_failure() {
        let statuses = [None, Some(10), Some(600), Some(9_000)].map(|mib| memory(mib).status);
        assert_eq!(
            statuses,
            [CheckStatus::Skipped, CheckStatus::Failed, CheckStatus::Note, CheckStatus::Ok]
        );
    }
}
