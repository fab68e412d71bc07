//! Which times can be believed: a span without any, or with one in another unit, must not stretch its trace.

/// 1973: what is earlier counts something else than nanoseconds since 1970, seconds, milliseconds or microseconds.
const EARLIEST: u64 = 100_000_000_000_000_000;

/// 2262, the end of signed nanoseconds: what is later is a mark for "none" or an overflow.
const LATEST: u64 = i64::MAX as u64;

/// The time, in nanoseconds since 1970, if it can be one.
pub(crate) fn known(nanos: u64) -> Option<u64> {
    (EARLIEST..LATEST).contains(&nanos).then_some(nanos)
}

/// Start and end as far as they are known: either stands for a missing other.
pub(crate) fn extent(start: u64, end: u64) -> Option<(u64, u64)> {
    match (known(start), known(end)) {
        (Some(start), Some(end)) => Some((start, end)),
        (Some(only), None) | (None, Some(only)) => Some((only, only)),
        (None, None) => None,
    }
}
