//! What to do after one attempt: one pure function, whose result log, metric, span and broker share.

use std::time::Duration;

use contract::{signals::reason, verdict::Verdict};

use crate::backoff::backoff;

/// Wait before a message comes again that was put off through no fault of its own.
pub const POSTPONED: Duration = Duration::from_secs(1);

/// What a handler made of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handled {
    /// The next hop has it.
    Done,
    /// Not for this lab; the reason is one of [`contract::signals::reason`].
    Discard(&'static str),
}

/// Why a handler could not handle a message. The variant says what the broker should do.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The work failed by itself: spends an attempt.
    #[error("{cause:#}")]
    Retry {
        /// What happened.
        cause: anyhow::Error,
        /// The least wait, where somebody asked for one.
        after: Option<Duration>,
    },
    /// The broker, a full stream or a stop is in the way: spends nothing.
    #[error("{cause:#}")]
    Postpone {
        /// One of [`contract::signals::reason`].
        reason: &'static str,
        /// What is in the way.
        cause: anyhow::Error,
        /// When to try again.
        after: Duration,
    },
    /// A bad message stays bad.
    #[error("{cause:#}")]
    Reject {
        /// One of [`contract::signals::reason`].
        reason: &'static str,
        /// What is wrong with it.
        cause: anyhow::Error,
    },
    /// Tried or interrupted too often.
    #[error("{cause:#}")]
    UsedUp {
        /// One of [`contract::signals::reason`].
        reason: &'static str,
        /// What happened last.
        cause: anyhow::Error,
    },
    /// Another worker owns the job.
    #[error("another worker owns the job")]
    Fenced,
}

impl Failure {
    /// A failure of the work itself.
    pub fn retry(cause: impl Into<anyhow::Error>) -> Self {
        Self::Retry { cause: cause.into(), after: None }
    }

    /// Something in the way that is not the job's fault.
    pub fn postpone(cause: impl Into<anyhow::Error>) -> Self {
        Self::Postpone { reason: reason::BROKER_AWAY, cause: cause.into(), after: POSTPONED }
    }

    /// A job or message whose processes were lost too often.
    pub(crate) fn interruptions_used_up(why: String) -> Self {
        Self::UsedUp { reason: reason::INTERRUPTIONS_USED_UP, cause: anyhow::Error::msg(why) }
    }

    /// The failure as one of a fixed set of words, fit for labels and attributes.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Retry { .. } => reason::WORK_FAILED,
            Self::Postpone { reason, .. }
            | Self::Reject { reason, .. }
            | Self::UsedUp { reason, .. } => reason,
            Self::Fenced => reason::OWNED_ELSEWHERE,
        }
    }

    /// A message that stays bad.
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
    /// Note the attempt if it is spent, then let it come again.
    Requeue {
        /// Attempts used up from now on.
        attempts: u32,
        /// When.
        after: Duration,
    },
    /// To the dead letters, then ack.
    DeadLetter {
        /// `reject` or `dead`.
        verdict: Verdict,
        /// Why, as a label.
        reason: &'static str,
        /// Attempts used up.
        attempts: u32,
    },
    /// Not a word to the broker.
    Fenced,
}

impl Decision {
    /// Why a message is put away or dropped.
    pub const fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Discard(reason) | Self::DeadLetter { reason, .. } => Some(reason),
            Self::Done | Self::Requeue { .. } | Self::Fenced => None,
        }
    }

    /// The one word for it.
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

/// What came of an attempt, given the attempts used up before it and how many there may be.
/// `jitter` is 0 to 1.
pub fn decide(
    outcome: &Result<Handled, Failure>,
    attempts: u32,
    attempts_max: u32,
    jitter: f64,
) -> Decision {
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
            if attempts >= attempts_max {
                return Decision::DeadLetter {
                    verdict: Verdict::Dead,
                    reason: reason::ATTEMPTS_USED_UP,
                    attempts,
                };
            }
            let wait = backoff(attempts, jitter);
            Decision::Requeue { attempts, after: after.map_or(wait, |after| wait.max(after)) }
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
                match decide(&Err(Failure::retry(anyhow!("no"))), spent, attempts_max, jitter) {
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
        fn what_is_not_the_jobs_fault_spends_nothing(spent in 0u32..50, attempts_max in 1u32..50) {
            let decision = decide(&Err(Failure::postpone(anyhow!("broker"))), spent, attempts_max, 0.5);
            prop_assert_eq!(decision, Decision::Requeue { attempts: spent, after: POSTPONED });
        }

        #[test]
        fn a_bad_message_is_not_tried_again(spent in 0u32..50, attempts_max in 1u32..50) {
            let decision = decide(&Err(Failure::reject(reason::MALFORMED, anyhow!("bad"))), spent, attempts_max, 0.5);
            prop_assert_eq!(decision, Decision::DeadLetter { verdict: Verdict::Reject, reason: reason::MALFORMED, attempts: spent });
        }
    }

    #[test]
    fn a_fenced_worker_is_silent() {
        assert_eq!(decide(&Err(Failure::Fenced), 0, 1, 0.0), Decision::Fenced);
    }

    #[test]
    fn a_wait_that_was_asked_for_is_kept() {
        let after = Some(Duration::from_mins(5));
        let failure = Failure::Retry { cause: anyhow!("429"), after };
        let decision = decide(&Err(failure), 0, 3, 0.0);
        assert_eq!(decision, Decision::Requeue { attempts: 1, after: Duration::from_mins(5) });
    }
}
