//! The offset of timestamps from true time. Durations and deadlines use other clocks, so no decision depends on it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};

/// The wall clock of this process and the offset of its timestamps. Clones share both.
#[derive(Debug, Clone)]
pub struct ClockOffset {
    shared: Arc<Shared>,
    now: fn() -> SystemTime,
}

#[derive(Debug, Default)]
struct Shared {
    nanoseconds: AtomicI64,
    touched: AtomicBool,
}

impl ClockOffset {
    /// A clock without an offset. `now` reads the wall clock; only `runtime::clock` provides it.
    pub fn new(now: fn() -> SystemTime) -> Self {
        let shared = Arc::default();
        Self { shared, now }
    }

    /// The wall clock without the offset.
    pub fn true_now(&self) -> SystemTime {
        (self.now)()
    }

    /// The wall clock with the current offset.
    pub fn stamp(&self) -> SystemTime {
        self.apply(self.true_now())
    }

    /// `time` with the current offset.
    pub fn apply(&self, time: SystemTime) -> SystemTime {
        shifted(time, self.nanoseconds())
    }

    /// The offset, in nanoseconds; positive is ahead of true time.
    pub fn nanoseconds(&self) -> i64 {
        self.shared.nanoseconds.load(Relaxed)
    }

    /// Changes the offset for later timestamps.
    pub fn set_nanoseconds(&self, nanoseconds: i64) {
        self.shared.touched.store(true, Relaxed);
        self.shared.nanoseconds.store(nanoseconds, Relaxed);
    }

    /// Whether the offset was ever changed: until then spans need no correction.
    pub(crate) fn was_changed(&self) -> bool {
        self.shared.touched.load(Relaxed)
    }
}

/// `time` moved by `nanoseconds`; unchanged if the result is out of range.
pub(crate) fn shifted(time: SystemTime, nanoseconds: i64) -> SystemTime {
    let by = Duration::from_nanos(nanoseconds.unsigned_abs());
    let moved = if nanoseconds < 0 { time.checked_sub(by) } else { time.checked_add(by) };
    moved.unwrap_or(time)
}
