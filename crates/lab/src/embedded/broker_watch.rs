//! Watches the broker's health and heals what it does not heal itself.
//!
//! A stream that could not be written, because the disk was full, takes nothing from then on until nats-server
//! starts again; the same goes for JetStream that was turned off by its disk. Once there is room it is restarted:
//! what was accepted goes on without anybody's hand. `nats/health.sh` does the same in the full lab.

use std::{path::PathBuf, time::Duration};

use tokio::time::{Instant, sleep};

use super::disk::{self, Disk};
use crate::{Part, Progress, Report, nats::Health, supervisor::Restarter};

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Time between the first two restarts in a row; it doubles.
const RESTART_PAUSE: Duration = Duration::from_secs(2);
/// The longest it gets.
const RESTART_PAUSE_MAX: Duration = Duration::from_mins(1);
/// A broker that was well this long starts over with the first pause.
const PROVEN: Duration = Duration::from_mins(1);
/// What nats-server says about what only a restart heals.
const HEALED_BY_RESTART: [&str; 3] = ["write error", "not enabled", "could not be recovered"];

/// The broker of one lab.
pub(super) struct BrokerWatch {
    pub(super) health_url: String,
    pub(super) folder: PathBuf,
    pub(super) restarter: Restarter,
    pub(super) report: Report,
}

/// Something that is wrong, since when, and what was told of it.
struct Trouble {
    since: Instant,
    told: String,
}

/// When the next restart may be.
struct Pace {
    pause: Duration,
    last: Option<Instant>,
}

impl BrokerWatch {
    /// Until it is dropped with the lab.
    pub(super) async fn run(self) {
        let mut trouble: Option<Trouble> = None;
        let mut pace = Pace { pause: RESTART_PAUSE, last: None };
        loop {
            sleep(LOOK_EVERY).await;
            match Health::of(&self.health_url).await {
                // One that ended is restarted by its keeper; one that is held still is held on purpose.
                Health::Silent => {}
                Health::Well => {
                    if let Some(trouble) = trouble.take() {
                        let after = trouble.since.elapsed();
                        (self.report)(Progress::Healed { part: Part::Nats, after });
                    }
                }
                Health::Unhealthy(error) => {
                    let trouble = trouble.get_or_insert_with(|| Trouble {
                        since: Instant::now(),
                        told: String::new(),
                    });
                    self.unhealthy(&error, trouble, &mut pace).await;
                }
            }
        }
    }

    async fn unhealthy(&self, error: &str, trouble: &mut Trouble, pace: &mut Pace) {
        let restart_helps = HEALED_BY_RESTART.iter().any(|words| error.contains(words));
        let blocked = if restart_helps { self.blocked().await } else { None };
        let told = format!("{error}{}", blocked.as_ref().map_or("", |(kind, _)| kind));
        if trouble.told != told {
            trouble.told = told;
            let advice = match &blocked {
                Some((_, advice)) => advice.clone(),
                None if restart_helps => "it is restarted".to_owned(),
                None => "look into its log".to_owned(),
            };
            let why = error.to_owned();
            (self.report)(Progress::Unhealthy { part: Part::Nats, why, advice });
        }
        if restart_helps && blocked.is_none() && pace.is_due() {
            self.restarter.restart("it can write again").await;
        }
    }

    /// What keeps a restart from helping, as a kind and as advice.
    async fn blocked(&self) -> Option<(&'static str, String)> {
        let folder = self.folder.clone();
        let look = tokio::task::spawn_blocking(move || {
            let shown = folder.display();
            if let Some(disk) = Disk::of(&folder).filter(|disk| !disk.has_room()) {
                let (free, wanted) = (mib(disk.free), mib(disk.room_to_go_on()));
                let advice = format!(
                    "{free} MiB are free in {shown}: make room, at least {wanted} MiB, and it goes on by itself"
                );
                return Some(("full", advice));
            }
            let error = disk::probe(&folder).err()?;
            let advice =
                format!("{shown} cannot be written ({error}): once it can, it goes on by itself");
            Some(("unwritable", advice))
        });
        // A disk that holds up the look cannot be written either.
        look.await.ok().flatten()
    }
}

impl Pace {
    /// Whether a restart may be now; if so, the next one must wait longer.
    fn is_due(&mut self) -> bool {
        let since = self.last.map(|last| last.elapsed());
        match since {
            Some(since) if since < self.pause => return false,
            Some(since) if since >= self.pause + PROVEN => self.pause = RESTART_PAUSE,
            Some(_) => self.pause = (self.pause * 2).min(RESTART_PAUSE_MAX),
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
    fn sizes_are_told_as_people_need_them() {
        assert_eq!([0, 1 << 19, 4 << 20, 900 << 20].map(mib), ["0.0", "0.5", "4.0", "900"]);
    }

    #[tokio::test(start_paused = true)]
    async fn restarts_in_a_row_wait_longer_and_never_more_than_a_minute() {
        let mut pace = Pace { pause: RESTART_PAUSE, last: None };
        let began = Instant::now();
        let mut restarts = Vec::new();
        while restarts.len() < 9 {
            if pace.is_due() {
                restarts.push(began.elapsed().as_secs());
            }
            sleep(LOOK_EVERY).await;
        }
        let pauses: Vec<u64> = restarts.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(pauses, [2, 4, 8, 16, 32, 60, 60, 60]);
        sleep(PROVEN * 3).await;
        assert!(pace.is_due());
        assert_eq!(pace.pause, RESTART_PAUSE, "it was well for a while");
    }
}
