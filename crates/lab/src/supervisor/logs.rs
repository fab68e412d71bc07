//! Looks after the size of the logs while the parts write them.

use std::{fs, io, path::PathBuf, time::Duration};

use tokio::time::{MissedTickBehavior, interval};

use crate::log_file;

/// Time between two looks. A part that floods its log is cut once a second.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Runs until it is dropped.
pub(super) async fn keep_small(folder: PathBuf) {
    let mut looks = interval(POLL_INTERVAL);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let folder = folder.clone();
        // A log that cannot be cut now may be the next time; the lab goes on meanwhile.
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
