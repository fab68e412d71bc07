//! Truncates the logs of running parts when they get too long.

use std::{fs, io, path::PathBuf, time::Duration};

use tokio::time::{MissedTickBehavior, interval};

use crate::log_file;

/// Interval of the checks.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Runs until it is dropped.
pub(super) async fn limit_sizes(folder: PathBuf) {
    let mut looks = interval(POLL_INTERVAL);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let folder = folder.clone();
        // A log that cannot be truncated now is tried again next time.
        let _missed = tokio::task::spawn_blocking(move || cut_all(&folder)).await;
    }
}

fn cut_all(folder: &std::path::Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "log") {
            log_file::cut(&path)?;
        }
    }
    Ok(())
}
