//! Watches the broker's health and restarts it when it cannot recover without a restart.
//!
//! After a full disk, a stream rejects messages until nats-server restarts; the same is true after a disk error that
//! disabled JetStream. Once there is free space the broker is restarted, and accepted jobs continue.
//! `nats/health.sh` does the same in the full lab.

use std::{path::PathBuf, time::Duration};

use runtime::backoff::Backoff;
use tokio::time::{Instant, sleep};

use super::disk::{self, Disk};
use crate::{LabEvent, LabEventSink, Part, nats::Health, supervisor::Restarter};

/// Interval of the health checks.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Delay between the first two restarts in a row; it doubles.
const RESTART_DELAY: Duration = Duration::from_secs(2);
/// Longest delay between two restarts.
const RESTART_DELAY_MAX: Duration = Duration::from_mins(1);
/// A broker that was healthy for this long starts over with the first delay.
const STABLE_AFTER: Duration = Duration::from_mins(1);
/// Errors of nats-server that only a restart clears.
const CLEARED_BY_RESTART: [&str; 3] = ["write error", "not enabled", "could not be recovered"];

/// The broker of one lab.
pub(super) struct BrokerWatch {
    pub(super) health_url: String,
    pub(super) folder: PathBuf,
    pub(super) restarter: Restarter,
    pub(super) report: LabEventSink,
}

/// A problem, its start, and what was last reported about it.
struct Problem {
    since: Instant,
    reported: String,
}

/// Limits the rate of restarts.
struct RestartLimit {
    backoff: Backoff,
    /// Delay between the last restart and the next one.
    delay: Duration,
    last: Option<Instant>,
}

impl BrokerWatch {
    /// Runs until it is dropped with the lab.
    pub(super) async fn run(self) {
        let mut problem: Option<Problem> = None;
        let mut limit = RestartLimit::new();
        loop {
            sleep(POLL_INTERVAL).await;
            match Health::of(&self.health_url).await {
                // A broker that ended is restarted by its task; a paused one is paused on purpose.
                Health::Unreachable => {}
                Health::Healthy => {
                    if let Some(problem) = problem.take() {
                        let after = problem.since.elapsed();
                        (self.report)(LabEvent::Healed { part: Part::Nats, after });
                    }
                }
                Health::Unhealthy(error) => {
                    let problem = problem.get_or_insert_with(|| Problem {
                        since: Instant::now(),
                        reported: String::new(),
                    });
                    self.unhealthy(&error, problem, &mut limit).await;
                }
            }
        }
    }

    async fn unhealthy(&self, error: &str, problem: &mut Problem, limit: &mut RestartLimit) {
        let restart_helps = CLEARED_BY_RESTART.iter().any(|words| error.contains(words));
        let blocked = if restart_helps { self.blocked().await } else { None };
        let reported = format!("{error}{}", blocked.as_ref().map_or("", |(kind, _)| kind));
        if problem.reported != reported {
            problem.reported = reported;
            let advice = match &blocked {
                Some((_, advice)) => advice.clone(),
                None if restart_helps => "nats-server is restarted".to_owned(),
                None => "see the log of nats-server".to_owned(),
            };
            let why = error.to_owned();
            (self.report)(LabEvent::Unhealthy { part: Part::Nats, why, advice });
        }
        if restart_helps && blocked.is_none() && limit.is_due() {
            self.restarter.restart("nats-server can write again").await;
        }
    }

    /// Why a restart would not help, as a kind and as advice.
    async fn blocked(&self) -> Option<(&'static str, String)> {
        let folder = self.folder.clone();
        let check = tokio::task::spawn_blocking(move || {
            let shown = folder.display();
            if let Some(disk) = Disk::of(&folder).filter(|disk| !disk.has_room()) {
                let (free, wanted) = (mib(disk.free), mib(disk.room_to_resume()));
                let advice = format!(
                    "{free} MiB are free in {shown}: free at least {wanted} MiB, then it recovers by itself"
                );
                return Some(("full", advice));
            }
            let error = disk::probe(&folder).err()?;
            let advice = format!(
                "{shown} cannot be written ({error}): once it can, the broker recovers by itself"
            );
            Some(("unwritable", advice))
        });
        // A disk on which the check hangs cannot be written either.
        check.await.ok().flatten()
    }
}

impl RestartLimit {
    fn new() -> Self {
        let backoff = Backoff::new(RESTART_DELAY, RESTART_DELAY_MAX);
        Self { backoff, delay: Duration::ZERO, last: None }
    }

    /// Whether a restart is allowed now; if so, the next one has to wait longer.
    fn is_due(&mut self) -> bool {
        let since = self.last.map(|last| last.elapsed());
        if since.is_some_and(|since| since < self.delay) {
            return false;
        }
        if since.is_some_and(|since| since >= self.delay + STABLE_AFTER) {
            self.backoff.reset();
        }
        self.delay = self.backoff.next_delay();
        self.last = Some(Instant::now());
        true
    }
}

/// A size in MiB, with one decimal if it is small.
fn mib(bytes: u64) -> String {
    let tenths = bytes.saturating_mul(10) >> 20;
    if tenths < 100 {
        format!("{}.{}", tenths / 10, tenths % 10)
    } else {
        (tenths / 10).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_shown_in_mib_with_useful_digits() {
        assert_eq!([0, 1 << 19, 4 << 20, 900 << 20].map(mib), ["0.0", "0.5", "4.0", "900"]);
    }

    #[tokio::test(start_paused = true)]
    async fn restarts_in_a_row_wait_longer_and_never_more_than_a_minute() {
        let mut limit = RestartLimit::new();
        let began = Instant::now();
        let mut restarts = Vec::new();
        while restarts.len() < 9 {
            if limit.is_due() {
                restarts.push(began.elapsed().as_secs());
            }
            sleep(POLL_INTERVAL).await;
        }
        let delays: Vec<u64> = restarts.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(delays, [2, 4, 8, 16, 32, 60, 60, 60]);
        sleep(STABLE_AFTER * 3).await;
        assert!(limit.is_due());
        assert_eq!(limit.delay, RESTART_DELAY, "it was healthy for a while");
    }
}
