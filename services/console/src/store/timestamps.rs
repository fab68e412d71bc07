//! Plausible timestamps: one that is absent, or in another unit, must not stretch its trace.

/// 1973: an earlier timestamp is in seconds, milliseconds or microseconds, not in nanoseconds.
const EARLIEST: u64 = 100_000_000_000_000_000;

/// 2262, the end of signed nanoseconds: a later timestamp means "none" or has overflowed.
const LATEST: u64 = i64::MAX as u64;

/// The timestamp, in nanoseconds since 1970, if it is plausible.
pub(crate) fn plausible(nanos: u64) -> Option<u64> {
    (EARLIEST..LATEST).contains(&nanos).then_some(nanos)
}

/// The plausible ones of start and end; one replaces the other if that is implausible.
pub(crate) fn extent(start: u64, end: u64) -> Option<(u64, u64)> {
    match (plausible(start), plausible(end)) {
        (Some(start), Some(end)) => Some((start, end)),
        (Some(only), None) | (None, Some(only)) => Some((only, only)),
        (None, None) => None,
    }
}
