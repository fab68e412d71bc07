//! How many files this process may open, and a listener's share of them.

use std::sync::LazyLock;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Open files that the limits are made for: what a system usually gives. The servers of one process take up
/// to 704 of them; the rest is for the broker, telemetry, look-ups, requests to others and files.
pub(super) const USUAL: usize = 1_024;
/// What the soft limit is raised to, where the hard one allows it.
const WANTED: u64 = 4_096;
/// A listener gets at least so many connections.
const SHARE_MIN: usize = 4;

static LIMIT: LazyLock<usize> = LazyLock::new(raise);

/// How many of `connections` a listener may have here.
pub(super) fn share(connections: usize) -> usize {
    share_of(connections, *LIMIT)
}

fn share_of(connections: usize, limit: usize) -> usize {
    (connections * limit.min(USUAL) / USUAL).max(SHARE_MIN)
}

/// Raises the soft limit to [`WANTED`] if that is allowed, and returns it.
fn raise() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let goal = maximum.map_or(WANTED, |maximum| maximum.min(WANTED));
    let enough = |limit: Option<u64>| limit.is_none_or(|limit| limit >= goal);
    if !enough(current) {
        // If it is refused, the old limit holds.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(goal), maximum });
    }
    let limit = getrlimit(Resource::Nofile).current;
    let limit = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    if limit < USUAL {
        tracing::warn!(
            limit,
            usual = USUAL,
            "few open files are allowed: fewer connections are accepted (ulimit -n)"
        );
    }
    limit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_few_descriptors_accepts_fewer_connections_in_proportion() {
        assert_eq!(share_of(640, usize::MAX), 640);
        assert_eq!(share_of(640, 1_024), 640);
        assert_eq!(share_of(640, 256), 160);
        assert_eq!(share_of(64, 256) + share_of(640, 256), 176);
        assert_eq!(share_of(64, 16), SHARE_MIN);
    }
}
