//! Stores the job that this user submitted last to each lab: `last` on the command line.

use std::{
    fs,
    io::{self, Write as _},
    path::PathBuf,
};

use anyhow::Context as _;
use contract::JobId;
use etcetera::BaseStrategy as _;
use serde::{Deserialize, Serialize};

/// The last submission to one lab.
#[derive(Debug, Serialize, Deserialize)]
struct LastSubmission {
    /// URL of the gateway.
    gateway: String,
    job: JobId,
}

/// Stores that this job was submitted to `gateway`.
pub(crate) fn store(gateway: &str, job: JobId) -> anyhow::Result<()> {
    let path = path(gateway)?;
    write(&path, &LastSubmission { gateway: normalized(gateway), job })
        .with_context(|| format!("cannot write {}", path.display()))
}

/// The job that was submitted to `gateway` last; nothing if there was none.
pub(crate) fn of(gateway: &str) -> anyhow::Result<Option<JobId>> {
    let path = path(gateway)?;
    let text = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read.with_context(|| format!("cannot read {}", path.display()))?,
    };
    let last = serde_json::from_slice::<LastSubmission>(&text).ok();
    Ok(last.filter(|last| last.gateway == normalized(gateway)).map(|last| last.job))
}

/// One file per lab, so that commands for several labs do not interfere.
fn path(gateway: &str) -> anyhow::Result<PathBuf> {
    let folders = etcetera::choose_base_strategy()
        .context("no home folder to store the last job in: set HOME or XDG_STATE_HOME")?;
    let state = folders.state_dir().unwrap_or_else(|| folders.data_dir());
    let name: String =
        url::form_urlencoded::byte_serialize(normalized(gateway).as_bytes()).collect();
    Ok(state.join("waybill").join("last").join(name))
}

/// Normalizes the URL: one name for this machine, no slash at the end.
fn normalized(gateway: &str) -> String {
    gateway.trim_end_matches('/').replace("://localhost:", "://127.0.0.1:")
}

/// Writes atomically: two commands may write at once.
fn write(path: &PathBuf, last: &LastSubmission) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(serde_json::to_string(last)?.as_bytes())?;
    file.persist(path)?;
    Ok(())
}
