//! The process's limit of open files, and a listener's share of it.

use std::sync::LazyLock;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The usual limit of open files, for which the server limits are chosen. The servers of one process use up to 704; the
/// rest is for the broker, telemetry, look-ups, outgoing requests and files.
pub(super) const USUAL: usize = 1_024;
/// The soft limit is raised to this, if the hard one allows it.
const WANTED: u64 = 4_096;
/// Fewest connections of a listener.
const SHARE_MIN: usize = 4;

static LIMIT: LazyLock<usize> = LazyLock::new(raise);

/// The part of `connections` that a listener may use with the limit of this process.
pub(super) fn share(connections: usize) -> usize {
    share_of(connections, *LIMIT)
}

fn share_of(connections: usize, limit: usize) -> usize {
    (connections * limit.min(USUAL) / USUAL).max(SHARE_MIN)
}

/// Raises the soft limit to [`WANTED`] if allowed, and returns it.
fn raise() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let goal = maximum.map_or(WANTED, |maximum| maximum.min(WANTED));
    let enough = |limit: Option<u64>| limit.is_none_or(|limit| limit >= goal);
    if !enough(current) {
        // If this fails, the old limit applies.
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
