//! Computes the correction and the state of a clock after each query of the time server, without I/O.

use std::time::{Duration, Instant};

use super::query::Sample;

/// A correction is kept while it differs from the measured offset by at most this plus the error of the measurement. So a
/// correct clock keeps a correction of exactly zero, even with slow responses.
const TOLERANCE: time::Duration = time::Duration::milliseconds(1);

/// State of the synchronization with the time server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SyncState {
    /// No query yet.
    New,
    /// The server responds.
    Synced,
    /// The server has stopped responding; the last correction is kept.
    Holding,
    /// The server does not respond, and the last response, if any, is too old.
    Lost,
}

/// Synchronization of a clock with one time server.
#[derive(Debug)]
pub(super) struct ClockSync {
    corrects: bool,
    hold: Duration,
    correction: time::Duration,
    responded_at: Option<Instant>,
    state: SyncState,
}

/// The result of a query.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SyncAction {
    /// The new correction, if it has changed.
    pub(super) correction: Option<time::Duration>,
    /// The new state, if it has changed.
    pub(super) new_state: Option<SyncState>,
}

impl ClockSync {
    /// `corrects` is false if the clock is only measured. `hold`: how long a correction is kept without a response.
    pub(super) const fn new(corrects: bool, hold: Duration) -> Self {
        Self {
            corrects,
            hold,
            correction: time::Duration::ZERO,
            responded_at: None,
            state: SyncState::New,
        }
    }

    /// Handles a response received at `now`.
    pub(super) fn on_response(&mut self, sample: Sample, now: Instant) -> SyncAction {
        self.responded_at = Some(now);
        let remaining = sample.ahead + self.correction;
        let is_outdated = self.corrects && remaining.abs() > sample.error + TOLERANCE;
        SyncAction {
            correction: is_outdated.then(|| self.correct_by(-sample.ahead)),
            new_state: self.set_state(SyncState::Synced),
        }
    }

    /// Handles a query that failed at `now`.
    pub(super) fn on_failure(&mut self, now: Instant) -> SyncAction {
        let holds = self.responded_at.is_some_and(|at| now.duration_since(at) < self.hold);
        let state = if holds { SyncState::Holding } else { SyncState::Lost };
        let drops = !holds && !self.correction.is_zero();
        SyncAction {
            correction: drops.then(|| self.correct_by(time::Duration::ZERO)),
            new_state: self.set_state(state),
        }
    }

    /// Whether timestamps are corrected.
    pub(super) fn is_corrected(&self) -> bool {
        self.corrects && matches!(self.state, SyncState::Synced | SyncState::Holding)
    }

    const fn correct_by(&mut self, correction: time::Duration) -> time::Duration {
        self.correction = correction;
        correction
    }

    fn set_state(&mut self, state: SyncState) -> Option<SyncState> {
        let differs = self.state != state;
        self.state = state;
        differs.then_some(state)
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

    fn corrected_by(action: &SyncAction) -> Option<i64> {
        action.correction.map(|by| i64::try_from(by.whole_milliseconds()).unwrap())
    }

    #[test]
    fn the_offset_is_corrected_again_only_when_it_changes() {
        let (mut sync, now) = (ClockSync::new(true, HOLD), Instant::now());
        let first = sync.on_response(sample(5_000, 2), now);
        assert_eq!(
            (corrected_by(&first), first.new_state),
            (Some(-5_000), Some(SyncState::Synced))
        );
        assert_eq!(sync.on_response(sample(5_001, 2), now), SyncAction::default());
        assert_eq!(corrected_by(&sync.on_response(sample(-7_000, 2), now)), Some(7_000));
        assert_eq!(corrected_by(&sync.on_response(sample(0, 2), now)), Some(0));
        assert!(sync.is_corrected());
    }

    #[test]
    fn a_correct_clock_is_not_corrected_even_with_slow_responses() {
        let (mut sync, now) = (ClockSync::new(true, HOLD), Instant::now());
        for error in [0, 10, 400] {
            for ahead in [-error, 0, error] {
                assert_eq!(sync.on_response(sample(ahead, error), now).correction, None);
            }
        }
    }

    #[test]
    fn a_more_precise_response_refines_the_correction() {
        let (mut sync, now) = (ClockSync::new(true, HOLD), Instant::now());
        assert_eq!(corrected_by(&sync.on_response(sample(5_090, 100), now)), Some(-5_090));
        assert_eq!(corrected_by(&sync.on_response(sample(5_000, 1), now)), Some(-5_000));
    }

    #[test]
    fn without_the_server_a_correction_is_kept_for_a_while_and_then_dropped() {
        let (mut sync, now) = (ClockSync::new(true, HOLD), Instant::now());
        sync.on_response(sample(5_000, 1), now);
        let just_before = now + HOLD.saturating_sub(Duration::from_millis(1));
        let held = sync.on_failure(just_before);
        assert_eq!((held.correction, held.new_state), (None, Some(SyncState::Holding)));
        assert!(sync.is_corrected());
        let dropped = sync.on_failure(now + HOLD);
        assert_eq!((corrected_by(&dropped), dropped.new_state), (Some(0), Some(SyncState::Lost)));
        assert!(!sync.is_corrected());
        assert_eq!(sync.on_failure(now + 2 * HOLD), SyncAction::default(), "it is logged once");
        assert_eq!(corrected_by(&sync.on_response(sample(5_000, 1), now + 3 * HOLD)), Some(-5_000));
    }

    #[test]
    fn a_clock_without_correction_is_only_measured() {
        let (mut sync, now) = (ClockSync::new(false, HOLD), Instant::now());
        let first = sync.on_response(sample(5_000, 1), now);
        assert_eq!((first.correction, first.new_state), (None, Some(SyncState::Synced)));
        assert!(!sync.is_corrected());
        assert_eq!(sync.on_failure(now + HOLD).correction, None);
    }

    #[test]
    fn a_server_that_never_responded_is_lost_and_that_is_logged_once() {
        let (mut sync, now) = (ClockSync::new(true, HOLD), Instant::now());
        let first = sync.on_failure(now);
        assert_eq!((first.correction, first.new_state), (None, Some(SyncState::Lost)));
        assert_eq!(sync.on_failure(now), SyncAction::default());
    }
}
