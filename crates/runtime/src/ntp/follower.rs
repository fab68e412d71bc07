//! Decides what to do after each query of the time server. No I/O, no clock.

use std::time::{Duration, Instant};

use super::query::Sample;

/// A correction is kept while it is within this of the measured offset: a smaller step is invisible in milliseconds.
/// It adds to the error of the measurement, so that a correct clock keeps a correction of exactly zero, however slow
/// the responses are.
const TOLERANCE: time::Duration = time::Duration::milliseconds(1);

/// State of the synchronization with the time server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SyncState {
    /// No query yet.
    New,
    /// The server responds.
    Heard,
    /// The server has stopped responding; the last correction is kept.
    Holding,
    /// The server does not respond, and the last response, if any, is too old.
    Lost,
}

/// Follows one time server.
#[derive(Debug)]
pub(super) struct Follower {
    corrects: bool,
    hold: Duration,
    correction: time::Duration,
    heard_at: Option<Instant>,
    standing: SyncState,
}

/// What to do now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Orders {
    /// Correct the clock by this from now on.
    pub(super) correction: Option<time::Duration>,
    /// The new state, to be logged, if it has changed.
    pub(super) standing: Option<SyncState>,
}

impl Follower {
    /// A follower that corrects, or only measures. `hold`: how long the last correction is kept.
    pub(super) const fn new(corrects: bool, hold: Duration) -> Self {
        Self {
            corrects,
            hold,
            correction: time::Duration::ZERO,
            heard_at: None,
            standing: SyncState::New,
        }
    }

    /// The server responded at `now`.
    pub(super) fn heard(&mut self, sample: Sample, now: Instant) -> Orders {
        self.heard_at = Some(now);
        let left_over = sample.ahead + self.correction;
        let wrong = self.corrects && left_over.abs() > sample.error + TOLERANCE;
        Orders {
            correction: wrong.then(|| self.correct_by(-sample.ahead)),
            standing: self.stand(SyncState::Heard),
        }
    }

    /// The query failed at `now`.
    pub(super) fn missed(&mut self, now: Instant) -> Orders {
        let holds = self.heard_at.is_some_and(|heard| now.duration_since(heard) < self.hold);
        let standing = if holds { SyncState::Holding } else { SyncState::Lost };
        let drops = !holds && !self.correction.is_zero();
        Orders {
            correction: drops.then(|| self.correct_by(time::Duration::ZERO)),
            standing: self.stand(standing),
        }
    }

    /// Whether timestamps follow the server's time.
    pub(super) fn is_corrected(&self) -> bool {
        self.corrects && matches!(self.standing, SyncState::Heard | SyncState::Holding)
    }

    const fn correct_by(&mut self, correction: time::Duration) -> time::Duration {
        self.correction = correction;
        correction
    }

    fn stand(&mut self, standing: SyncState) -> Option<SyncState> {
        let differs = self.standing != standing;
        self.standing = standing;
        differs.then_some(standing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD: Duration = Duration::from_mins(1);

    fn sample(ahead_ms: i64, error_ms: i64) -> Sample {
        let [ahead, error] = [ahead_ms, error_ms].map(time::Duration::milliseconds);
        Sample { ahead, error }
    }

    fn corrected_by(orders: &Orders) -> Option<i64> {
        orders.correction.map(|by| i64::try_from(by.whole_milliseconds()).unwrap())
    }

    #[test]
    fn a_clock_that_is_off_is_corrected_once_and_again_when_it_changes() {
        let (mut follower, now) = (Follower::new(true, HOLD), Instant::now());
        let first = follower.heard(sample(5_000, 2), now);
        assert_eq!((corrected_by(&first), first.standing), (Some(-5_000), Some(SyncState::Heard)));
        assert_eq!(follower.heard(sample(5_001, 2), now), Orders::default());
        assert_eq!(corrected_by(&follower.heard(sample(-7_000, 2), now)), Some(7_000));
        assert_eq!(corrected_by(&follower.heard(sample(0, 2), now)), Some(0));
        assert!(follower.is_corrected());
    }

    #[test]
    fn a_clock_that_is_right_is_left_alone_however_slow_the_answers() {
        let (mut follower, now) = (Follower::new(true, HOLD), Instant::now());
        for error in [0, 10, 400] {
            for ahead in [-error, 0, error] {
                assert_eq!(follower.heard(sample(ahead, error), now).correction, None);
            }
        }
    }

    #[test]
    fn a_first_rough_answer_is_refined_by_a_better_one() {
        let (mut follower, now) = (Follower::new(true, HOLD), Instant::now());
        assert_eq!(corrected_by(&follower.heard(sample(5_090, 100), now)), Some(-5_090));
        assert_eq!(corrected_by(&follower.heard(sample(5_000, 1), now)), Some(-5_000));
    }

    #[test]
    fn without_the_server_a_correction_is_kept_for_a_while_and_then_dropped() {
        let (mut follower, now) = (Follower::new(true, HOLD), Instant::now());
        follower.heard(sample(5_000, 1), now);
        let just_before = now + HOLD.saturating_sub(Duration::from_millis(1));
        let held = follower.missed(just_before);
        assert_eq!((held.correction, held.standing), (None, Some(SyncState::Holding)));
        assert!(follower.is_corrected());
        let dropped = follower.missed(now + HOLD);
        assert_eq!((corrected_by(&dropped), dropped.standing), (Some(0), Some(SyncState::Lost)));
        assert!(!follower.is_corrected());
        assert_eq!(follower.missed(now + 2 * HOLD), Orders::default(), "it is logged once");
        assert_eq!(corrected_by(&follower.heard(sample(5_000, 1), now + 3 * HOLD)), Some(-5_000));
    }

    #[test]
    fn a_clock_that_is_only_measured_is_never_corrected() {
        let (mut follower, now) = (Follower::new(false, HOLD), Instant::now());
        let first = follower.heard(sample(5_000, 1), now);
        assert_eq!((first.correction, first.standing), (None, Some(SyncState::Heard)));
        assert!(!follower.is_corrected());
        assert_eq!(follower.missed(now + HOLD).correction, None);
    }

    #[test]
    fn a_server_that_never_responded_is_lost_and_that_is_logged_once() {
        let (mut follower, now) = (Follower::new(true, HOLD), Instant::now());
        let first = follower.missed(now);
        assert_eq!((first.correction, first.standing), (None, Some(SyncState::Lost)));
        assert_eq!(follower.missed(now), Orders::default());
    }
}
