//! The job that this user submitted last, by lab: what `last` means on the command line.

use std::{
    fs,
    io::{self, Write as _},
    path::PathBuf,
};

use anyhow::Context as _;
use contract::JobId;
use etcetera::BaseStrategy as _;
use serde::{Deserialize, Serialize};

/// What is kept of a submission.
#[derive(Debug, Serialize, Deserialize)]
struct Noted {
    /// The gateway that took it.
    gateway: String,
    /// Its id.
    job: JobId,
}

/// Notes that this job was submitted to `gateway`.
pub(crate) fn note(gateway: &str, job: JobId) -> anyhow::Result<()> {
    let path = path(gateway)?;
    write(&path, &Noted { gateway: plain(gateway), job })
        .with_context(|| format!("cannot write {}", path.display()))
}

/// The job that was submitted to `gateway` last; nothing if there was none.
pub(crate) fn of(gateway: &str) -> anyhow::Result<Option<JobId>> {
    let path = path(gateway)?;
    let text = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read.with_context(|| format!("cannot read {}", path.display()))?,
    };
    let noted = serde_json::from_slice::<Noted>(&text).ok();
    Ok(noted.filter(|noted| noted.gateway == plain(gateway)).map(|noted| noted.job))
}

/// One file a lab, so that commands for several labs at once do not meet.
fn path(gateway: &str) -> anyhow::Result<PathBuf> {
    let folders = etcetera::choose_base_strategy()
        .context("there is no home folder to note the last job in: set HOME or XDG_STATE_HOME")?;
    let state = folders.state_dir().unwrap_or_else(|| folders.data_dir());
    let name: String = url::form_urlencoded::byte_serialize(plain(gateway).as_bytes()).collect();
    Ok(state.join("waybill").join("last").join(name))
}

/// This machine has one name.
fn plain(gateway: &str) -> String {
    gateway.trim_end_matches('/').replace("://localhost:", "://127.0.0.1:")
}

/// Whole or not at all: two commands may write at once.
fn write(path: &PathBuf, noted: &Noted) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(serde_json::to_string(noted)?.as_bytes())?;
    file.persist(path)?;
    Ok(())
}
