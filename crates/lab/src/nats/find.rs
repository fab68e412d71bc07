//! The search for a nats-server.

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
use crate::Report;

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
    /// Finds it, or fetches it once.
    pub async fn find(self, report: &Report) -> Result<NatsServer, FindError> {
        let cache = match self.cache_dir {
            Some(folder) => folder,
            None => default_cache()?,
        };
        find_or_fetch(self.nats_server, &cache, report).await
    }
}

/// A nats-server that answered with a version that will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NatsServer {
    /// The program.
    pub path: PathBuf,
    /// What it answered.
    pub version: Version,
    /// Where it came from.
    pub origin: Origin,
}

/// Where a nats-server came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The user named it.
    Given,
    /// It was on PATH.
    Path,
    /// An earlier lab had fetched it.
    Cache,
    /// It was fetched just now, with this client.
    Fetched(&'static str),
}

/// The one given (and no other then), else on PATH, else in `cache`, else fetched into it.
pub async fn find_or_fetch(
    given: Option<PathBuf>,
    cache: &Path,
    report: &Report,
) -> Result<NatsServer, FindError> {
    let finder = Finder { given, cache: cache.to_owned(), search: None };
    finder.find(report).await
}

/// The search with everything it depends on.
#[derive(Debug, Clone)]
pub struct Finder {
    /// The one to use, whatever else there is.
    pub given: Option<PathBuf>,
    /// Where a fetched one is kept.
    pub cache: PathBuf,
    /// Looked through instead of PATH, and the PATH of every client that is run.
    pub search: Option<OsString>,
}

impl Finder {
    /// Finds it, or fetches it once.
    pub async fn find(&self, report: &Report) -> Result<NatsServer, FindError> {
        if let Some(path) = &self.given {
            return self.check_given(path).await;
        }
        let mut tried = Tried::default();
        if let Some(found) = self.on_path(&mut tried).await {
            return Ok(found);
        }
        fetch::cached_or_fetched(self, tried, report).await
    }

    /// Where a program is that a shell would run.
    pub(super) fn program(&self, name: &str) -> Option<PathBuf> {
        match &self.search {
            Some(search) => which::which_in(name, Some(search), env::current_dir().ok()?).ok(),
            None => which::which(name).ok(),
        }
    }

    async fn check_given(&self, path: &Path) -> Result<NatsServer, FindError> {
        // A bare name is looked up, as a shell would.
        let found = path.to_str().and_then(|name| self.program(name));
        let path = found.unwrap_or_else(|| path.to_owned());
        match version::ask(&path).await {
            Ok(version) => Ok(NatsServer { path, version, origin: Origin::Given }),
            Err(why) => Err(FindError::Given { path, why }),
        }
    }

    async fn on_path(&self, tried: &mut Tried) -> Option<NatsServer> {
        let Some(path) = self.program("nats-server") else {
            tried.note("PATH", "no nats-server");
            return None;
        };
        match version::ask(&path).await {
            Ok(version) => Some(NatsServer { path, version, origin: Origin::Path }),
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
