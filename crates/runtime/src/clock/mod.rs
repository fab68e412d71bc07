//! The wall clock for displayed times and telemetry: the only place that reads wall time. It may be skewed, so decisions
//! use `std::time::Instant` or broker time instead.
//!
//! [`Clock::skew`] skews a clock, and [`Clock::correct`], called by [`crate::ntp`], corrects it. They are independent, as
//! with real clocks.

mod settings;
mod skew;

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use parking_lot::Mutex;
pub use settings::{ClockConfig, TimeSource};
pub use skew::{InvalidSkew, SKEW_MAX, Skew};
use telemetry::ClockOffset;
use time::Duration;

/// The wall clock of this process. Clones share its offset, which also applies to spans and logs.
#[derive(Debug, Clone)]
pub struct Clock {
    offset: ClockOffset,
    /// The skew alone.
    own: ClockOffset,
    /// The correction alone, in nanoseconds. Locked while the sum of both is computed.
    correction: Arc<Mutex<i64>>,
}

impl Clock {
    /// A clock without an offset.
    pub fn new() -> Self {
        let [offset, own] = [(); 2].map(|()| ClockOffset::new(wall_time));
        Self { offset, own, correction: Arc::default() }
    }

    /// The time for timestamps: true time plus the present offset.
    pub fn stamp(&self) -> SystemTime {
        self.offset.stamp()
    }

    /// [`Self::stamp`] in Unix milliseconds.
    pub fn stamp_ms(&self) -> i64 {
        let nanoseconds = unix_nanoseconds(self.stamp());
        i64::try_from(nanoseconds.div_euclid(1_000_000)).unwrap_or(i64::MAX)
    }

    /// [`Self::stamp`] in Unix nanoseconds.
    pub fn stamp_ns(&self) -> i64 {
        i64::try_from(unix_nanoseconds(self.stamp())).unwrap_or(i64::MAX)
    }

    /// The time without the correction: the clock that is measured against the time server.
    pub fn uncorrected(&self) -> SystemTime {
        self.own.stamp()
    }

    /// True time, without any offset: for exemplars, which Prometheus refuses if they are in the future.
    pub fn true_now(&self) -> SystemTime {
        self.offset.true_now()
    }

    /// Skews this clock by `by` (the fault `clock_skew`); zero ends it.
    pub fn skew(&self, by: Duration) {
        let correction = self.correction.lock();
        self.own.set_nanoseconds(nanoseconds(by));
        self.apply(*correction);
    }

    /// Corrects this clock by `by`, as a time server measured it; zero ends it.
    pub fn correct(&self, by: Duration) {
        let mut correction = self.correction.lock();
        *correction = nanoseconds(by);
        self.apply(*correction);
    }

    /// The offset of timestamps from true time.
    pub fn off_by(&self) -> Duration {
        Duration::nanoseconds(self.offset.nanoseconds())
    }

    /// The offset itself, for [`telemetry::init`].
    pub fn offset(&self) -> ClockOffset {
        self.offset.clone()
    }

    fn apply(&self, correction: i64) {
        self.offset.set_nanoseconds(self.own.nanoseconds().saturating_add(correction));
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads wall time")]
fn wall_time() -> SystemTime {
    SystemTime::now()
}

/// Nanoseconds since the epoch, negative before it.
fn unix_nanoseconds(time: SystemTime) -> i128 {
    let nanoseconds =
        |span: std::time::Duration| i128::try_from(span.as_nanos()).unwrap_or(i128::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => nanoseconds(since),
        Err(before) => -nanoseconds(before.duration()),
    }
}

fn nanoseconds(span: Duration) -> i64 {
    let whole = span.whole_nanoseconds();
    i64::try_from(whole).unwrap_or(if whole < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skewed_clock_stamps_with_its_offset_and_still_returns_true_time() {
        let clock = Clock::new();
        let clone = clock.clone();
        clock.skew(Duration::seconds(-90));
        clock.correct(Duration::milliseconds(500));
        assert_eq!(clone.off_by(), Duration::milliseconds(-89_500));
        let (before, stamp, after) = (clone.true_now(), clone.stamp(), clone.true_now());
        let back = stamp + std::time::Duration::from_millis(89_500);
        assert!(before <= back && back <= after);
        clock.skew(Duration::ZERO);
        clock.correct(Duration::ZERO);
        assert!(clone.stamp() >= after);
    }

    #[test]
    fn a_correction_does_not_hide_the_skew_from_the_time_server() {
        let clock = Clock::new();
        clock.skew(Duration::seconds(60));
        clock.correct(Duration::seconds(-60));
        assert_eq!(clock.off_by(), Duration::ZERO);
        let ahead = clock.uncorrected().duration_since(clock.true_now()).unwrap();
        assert_eq!(ahead.as_millis().div_ceil(1_000), 60, "{ahead:?}");
    }

    #[test]
    fn an_offset_out_of_range_saturates_and_does_not_wrap() {
        let clock = Clock::new();
        clock.skew(Duration::MIN);
        clock.correct(Duration::seconds(-1));
        assert_eq!(clock.offset().nanoseconds(), i64::MIN);
        // Three centuries back is still within range.
        assert!(clock.stamp_ms() < 0 && clock.stamp() < clock.true_now());
    }
}
