//! Watches the broker's health and restarts it where it does not recover by itself.
//!
//! After a full disk a stream accepts nothing until nats-server restarts; the same goes for JetStream that was turned off
//! by a disk error. Once there is room the broker is restarted, and accepted jobs continue without manual action.
//! `nats/health.sh` does the same in the full lab.

use std::{path::PathBuf, time::Duration};

use tokio::time::{Instant, sleep};

use super::disk::{self, Disk};
use crate::{Part, Progress, Report, nats::Health, supervisor::Restarter};

/// Interval of the health checks.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Delay between the first two restarts in a row; it doubles.
const RESTART_DELAY: Duration = Duration::from_secs(2);
/// Longest delay between two restarts.
const RESTART_DELAY_MAX: Duration = Duration::from_mins(1);
/// A broker that was well this long starts over with the first delay.
const PROVEN: Duration = Duration::from_mins(1);
/// Errors of nats-server that only a restart clears.
const HEALED_BY_RESTART: [&str; 3] = ["write error", "not enabled", "could not be recovered"];

/// The broker of one lab.
pub(super) struct BrokerWatch {
    pub(super) health_url: String,
    pub(super) folder: PathBuf,
    pub(super) restarter: Restarter,
    pub(super) report: Report,
}

/// A problem, its start, and what was last reported of it.
struct Problem {
    since: Instant,
    reported: String,
}

/// Limits the rate of restarts.
struct Pace {
    delay: Duration,
    last: Option<Instant>,
}

impl BrokerWatch {
    /// Runs until it is dropped with the lab.
    pub(super) async fn run(self) {
        let mut problem: Option<Problem> = None;
        let mut pace = Pace { delay: RESTART_DELAY, last: None };
        loop {
            sleep(POLL_INTERVAL).await;
            match Health::of(&self.health_url).await {
                // A broker that ended is restarted by its task; a paused one is paused on purpose.
                Health::Silent => {}
                Health::Well => {
                    if let Some(problem) = problem.take() {
                        let after = problem.since.elapsed();
                        (self.report)(Progress::Healed { part: Part::Nats, after });
                    }
                }
                Health::Unhealthy(error) => {
                    let problem = problem.get_or_insert_with(|| Problem {
                        since: Instant::now(),
                        reported: String::new(),
                    });
                    self.unhealthy(&error, problem, &mut pace).await;
                }
            }
        }
    }

    async fn unhealthy(&self, error: &str, problem: &mut Problem, pace: &mut Pace) {
        let restart_helps = HEALED_BY_RESTART.iter().any(|words| error.contains(words));
        let blocked = if restart_helps { self.blocked().await } else { None };
        let reported = format!("{error}{}", blocked.as_ref().map_or("", |(kind, _)| kind));
        if problem.reported != reported {
            problem.reported = reported;
            let advice = match &blocked {
                Some((_, advice)) => advice.clone(),
                None if restart_helps => "it is restarted".to_owned(),
                None => "see its log".to_owned(),
            };
            let why = error.to_owned();
            (self.report)(Progress::Unhealthy { part: Part::Nats, why, advice });
        }
        if restart_helps && blocked.is_none() && pace.is_due() {
            self.restarter.restart("it can write again").await;
        }
    }

    /// Why a restart would not help, as a kind and as advice.
    async fn blocked(&self) -> Option<(&'static str, String)> {
        let folder = self.folder.clone();
        let look = tokio::task::spawn_blocking(move || {
            let shown = folder.display();
            if let Some(disk) = Disk::of(&folder).filter(|disk| !disk.has_room()) {
                let (free, wanted) = (mib(disk.free), mib(disk.room_to_go_on()));
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
        look.await.ok().flatten()
    }
}

impl Pace {
    /// Whether a restart may be now; if so, the next one must wait longer.
    fn is_due(&mut self) -> bool {
        let since = self.last.map(|last| last.elapsed());
        match since {
            Some(since) if since < self.delay => return false,
            Some(since) if since >= self.delay + PROVEN => self.delay = RESTART_DELAY,
            Some(_) => self.delay = (self.delay * 2).min(RESTART_DELAY_MAX),
            None => {}
        }
        self.last = Some(Instant::now());
        true
    }
}

/// In MiB, with one digit where that matters.
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
        let mut pace = Pace { delay: RESTART_DELAY, last: None };
        let began = Instant::now();
        let mut restarts = Vec::new();
        while restarts.len() < 9 {
            if pace.is_due() {
                restarts.push(began.elapsed().as_secs());
            }
            sleep(POLL_INTERVAL).await;
        }
        let delays: Vec<u64> = restarts.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(delays, [2, 4, 8, 16, 32, 60, 60, 60]);
        sleep(PROVEN * 3).await;
        assert!(pace.is_due());
        assert_eq!(pace.delay, RESTART_DELAY, "it was well for a while");
    }
}
