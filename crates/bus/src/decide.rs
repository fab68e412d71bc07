//! What to do after one attempt: a pure function whose result is used for the log, metrics, span and broker alike.

use std::time::Duration;

use contract::{signals::reason, verdict::Verdict};
use runtime::backoff::retry_delay;

/// Redelivery delay of a postponed message.
pub const POSTPONE_DELAY: Duration = Duration::from_secs(1);

/// How a handler completed a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handled {
    /// Handled; the next stage has the job.
    Done,
    /// Not for this lab: dropped. The reason is one of [`contract::signals::reason`].
    Discard(&'static str),
}

/// Result of an attempt.
pub type AttemptResult = Result<Handled, Failure>;

/// Attempts that were used up before the present one, and how many there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Used up before.
    pub used: u32,
    /// Maximum number of attempts.
    pub max: u32,
}

/// Why a handler could not complete a message. The variant decides how the message is settled.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The work itself failed: spends an attempt.
    #[error("{cause:#}")]
    Retry {
        /// What happened.
        cause: anyhow::Error,
        /// Shortest delay before the retry, such as a `Retry-After`.
        after: Option<Duration>,
    },
    /// The broker is away, a stream is full or the service stops: spends no attempt.
    #[error("{cause:#}")]
    Postpone {
        /// One of [`contract::signals::reason`].
        reason: &'static str,
        /// What prevents the work.
        cause: anyhow::Error,
        /// Redelivery delay.
        after: Duration,
    },
    /// The message is invalid, and no retry can help.
    #[error("{cause:#}")]
    Reject {
        /// One of [`contract::signals::reason`].
        reason: &'static str,
        /// What is wrong with it.
        cause: anyhow::Error,
    },
    /// Attempts or interruptions are used up.
    #[error("{cause:#}")]
    UsedUp {
        /// One of [`contract::signals::reason`].
        reason: &'static str,
        /// What happened last.
        cause: anyhow::Error,
    },
    /// Another worker holds the job's lease.
    #[error("another worker holds the lease of the job")]
    Fenced,
}

impl Failure {
    /// A failure of the work itself.
    pub fn retry(cause: impl Into<anyhow::Error>) -> Self {
        Self::Retry { cause: cause.into(), after: None }
    }

    /// A condition that is not the job's fault; spends no attempt.
    pub fn postpone(cause: impl Into<anyhow::Error>) -> Self {
        Self::Postpone { reason: reason::BROKER_AWAY, cause: cause.into(), after: POSTPONE_DELAY }
    }

    /// A delivery that is cut short because the process stops.
    pub(crate) fn stopping() -> Self {
        Self::Postpone {
            reason: reason::STOPPING,
            cause: anyhow::anyhow!("this worker is stopping"),
            after: Duration::ZERO,
        }
    }

    /// A job or message whose processes were lost too often.
    pub fn interruptions_used_up(why: String) -> Self {
        Self::UsedUp { reason: reason::INTERRUPTIONS_USED_UP, cause: anyhow::Error::msg(why) }
    }

    /// The reason word, fit for labels and attributes.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Retry { .. } => reason::WORK_FAILED,
            Self::Postpone { reason, .. }
            | Self::Reject { reason, .. }
            | Self::UsedUp { reason, .. } => reason,
            Self::Fenced => reason::OWNED_ELSEWHERE,
        }
    }

    /// An invalid message, which no retry can help.
    pub fn reject(reason: &'static str, cause: impl Into<anyhow::Error>) -> Self {
        Self::Reject { reason, cause: cause.into() }
    }
}

/// What to do with a message now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Ack.
    Done,
    /// Count and ack.
    Discard(&'static str),
    /// Record the attempt if one was spent, then nak.
    Requeue {
        /// Attempts used up, this one included.
        attempts: u32,
        /// Redelivery delay.
        after: Duration,
    },
    /// Dead-letter, then ack.
    DeadLetter {
        /// `reject` or `dead`.
        verdict: Verdict,
        /// Why, as a label.
        reason: &'static str,
        /// Attempts used up.
        attempts: u32,
    },
    /// Neither ack nor nak.
    Fenced,
}

impl Decision {
    /// Why the message is dead-lettered or dropped.
    pub const fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Discard(reason) | Self::DeadLetter { reason, .. } => Some(reason),
            Self::Done | Self::Requeue { .. } | Self::Fenced => None,
        }
    }

    /// The verdict that log, metrics and span carry.
    pub const fn verdict(&self) -> Verdict {
        match self {
            Self::Done => Verdict::Done,
            Self::Discard(_) => Verdict::Discard,
            Self::Requeue { .. } => Verdict::Retry,
            Self::DeadLetter { verdict, .. } => *verdict,
            Self::Fenced => Verdict::Fenced,
        }
    }
}

/// Decides how to settle a message after an attempt with this outcome. `jitter` is 0 to 1.
pub fn decide(outcome: &AttemptResult, budget: Budget, jitter: f64) -> Decision {
    let attempts = budget.used;
    match outcome {
        Ok(Handled::Done) => Decision::Done,
        Ok(Handled::Discard(reason)) => Decision::Discard(reason),
        Err(Failure::Fenced) => Decision::Fenced,
        Err(Failure::Postpone { after, .. }) => Decision::Requeue { attempts, after: *after },
        Err(Failure::Reject { reason, .. }) => {
            Decision::DeadLetter { verdict: Verdict::Reject, reason, attempts }
        }
        Err(Failure::UsedUp { reason, .. }) => {
            Decision::DeadLetter { verdict: Verdict::Dead, reason, attempts }
        }
        Err(Failure::Retry { after, .. }) => {
            let attempts = attempts.saturating_add(1);
            if attempts >= budget.max {
                return Decision::DeadLetter {
                    verdict: Verdict::Dead,
                    reason: reason::ATTEMPTS_USED_UP,
                    attempts,
                };
            }
            let delay = retry_delay(attempts, jitter);
            Decision::Requeue { attempts, after: after.map_or(delay, |after| delay.max(after)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_failing_job_is_tried_exactly_as_often_as_it_may(attempts_max in 1u32..50, jitter in 0.0..1.0f64) {
            let mut spent = 0;
            let mut runs = 0;
            loop {
                runs += 1;
                match decide(&Err(Failure::retry(anyhow!("no"))), Budget { used: spent, max: attempts_max }, jitter) {
                    Decision::Requeue { attempts, .. } => spent = attempts,
                    Decision::DeadLetter { verdict, reason, attempts } => {
                        prop_assert_eq!((verdict, reason, attempts), (Verdict::Dead, reason::ATTEMPTS_USED_UP, attempts_max));
                        break;
                    }
                    other => prop_assert!(false, "{:?}", other),
                }
            }
            prop_assert_eq!(runs, attempts_max);
        }

        #[test]
        fn failures_outside_the_job_spend_no_attempt(spent in 0u32..50, attempts_max in 1u32..50) {
            let decision = decide(&Err(Failure::postpone(anyhow!("broker"))), Budget { used: spent, max: attempts_max }, 0.5);
            prop_assert_eq!(decision, Decision::Requeue { attempts: spent, after: POSTPONE_DELAY });
        }

        #[test]
        fn a_bad_message_is_not_tried_again(spent in 0u32..50, attempts_max in 1u32..50) {
            let decision = decide(&Err(Failure::reject(reason::MALFORMED, anyhow!("bad"))), Budget { used: spent, max: attempts_max }, 0.5);
            prop_assert_eq!(decision, Decision::DeadLetter { verdict: Verdict::Reject, reason: reason::MALFORMED, attempts: spent });
        }
    }

    #[test]
    fn a_fenced_worker_is_silent() {
        assert_eq!(
            decide(&Err(Failure::Fenced), Budget { used: 0, max: 1 }, 0.0),
            Decision::Fenced
        );
    }

    #[test]
    fn a_requested_retry_delay_is_kept() {
        let after = Some(Duration::from_mins(5));
        let failure = Failure::Retry { cause: anyhow!("429"), after };
        let decision = decide(&Err(failure), Budget { used: 0, max: 3 }, 0.0);
        assert_eq!(decision, Decision::Requeue { attempts: 1, after: Duration::from_mins(5) });
    }
}
