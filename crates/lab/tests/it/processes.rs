//! The state of processes that are not children of the test.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::process::{Pid, test_kill_process};
use testkit::eventually;

/// Timeout of each wait.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// The path of the fake `waybill` binary.
pub(crate) fn rig() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_lab-rig")).to_owned()
}

/// Whether the process runs. A zombie process does not.
pub(crate) fn runs(pid: u32) -> bool {
    let known = test_kill_process(raw(pid)).is_ok();
    known && !matches!(state(pid), Some('Z' | 'X'))
}

/// Linux's state code of the process: R runs, S sleeps, T is stopped, Z has ended.
pub(crate) fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// Waits for the end of all of them.
pub(crate) async fn all_end(pids: &[u32]) {
    eventually(LIMIT, "the end of every process", async || {
        let left: Vec<&u32> = pids.iter().filter(|pid| runs(**pid)).collect();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?} still run")) }
    })
    .await;
}

/// The process id as rustix' type.
pub(crate) fn raw(pid: u32) -> Pid {
    Pid::from_raw(pid.cast_signed()).unwrap()
}
