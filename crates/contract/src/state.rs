//! The states of a job, and the table of allowed moves between them.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The state of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Stored by the gateway, which has responded 202.
    Accepted,
    /// Validated by the ingester; waits for a processor.
    Queued,
    /// A worker runs it.
    Running,
    /// Waits for its next attempt.
    Retrying,
    /// Ended with results.
    Succeeded,
    /// Ended without success, by an operation's error or its deadline.
    Failed,
    /// Dead-lettered; its message is in `DEAD`.
    Dead,
    /// Cancelled by its submitter.
    Cancelled,
}

use JobState::{Accepted, Cancelled, Dead, Failed, Queued, Retrying, Running, Succeeded};

/// Every allowed move within one round. `running → running` is a take-over after an interruption.
pub const ALLOWED_MOVES: &[(JobState, JobState)] = &[
    (Accepted, Queued),
    (Accepted, Failed),
    (Accepted, Dead),
    (Accepted, Cancelled),
    (Queued, Running),
    (Queued, Failed),
    (Queued, Dead),
    (Queued, Cancelled),
    (Running, Running),
    (Running, Retrying),
    (Running, Succeeded),
    (Running, Failed),
    (Running, Dead),
    (Running, Cancelled),
    (Retrying, Running),
    (Retrying, Failed),
    (Retrying, Dead),
    (Retrying, Cancelled),
];

impl JobState {
    /// All states, in the order in which a job passes them.
    pub const ALL: [Self; 8] =
        [Accepted, Queued, Running, Retrying, Succeeded, Failed, Dead, Cancelled];

    /// Whether a job in this state may move to `next` within its round.
    pub fn may_become(self, next: Self) -> bool {
        ALLOWED_MOVES.contains(&(self, next))
    }

    /// Whether a redrive or retry may start a new round: only of a job that ended without success. A job that succeeded
    /// must not take effect twice.
    pub fn may_start_again(self) -> bool {
        self.is_terminal() && self != Succeeded
    }

    /// The outcome, if the job has ended. It never changes within a round.
    pub const fn outcome(self) -> Option<Outcome> {
        match self {
            Succeeded => Some(Outcome::Succeeded),
            Failed => Some(Outcome::Failed),
            Dead => Some(Outcome::Dead),
            Cancelled => Some(Outcome::Cancelled),
            Accepted | Queued | Running | Retrying => None,
        }
    }

    /// Whether the job has ended.
    pub const fn is_terminal(self) -> bool {
        self.outcome().is_some()
    }

    /// The state's name in JSON and labels.
    pub const fn name(self) -> &'static str {
        match self {
            Accepted => "accepted",
            Queued => "queued",
            Running => "running",
            Retrying => "retrying",
            Succeeded => "succeeded",
            Failed => "failed",
            Dead => "dead",
            Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Ended with results.
    Succeeded,
    /// Ended without success, by an operation's error or its deadline.
    Failed,
    /// Dead-lettered.
    Dead,
    /// Cancelled by its submitter.
    Cancelled,
}

impl Outcome {
    /// All outcomes.
    pub const ALL: [Self; 4] = [Self::Succeeded, Self::Failed, Self::Dead, Self::Cancelled];

    /// The state of a job with this outcome.
    pub const fn state(self) -> JobState {
        match self {
            Self::Succeeded => Succeeded,
            Self::Failed => Failed,
            Self::Dead => Dead,
            Self::Cancelled => Cancelled,
        }
    }

    /// The outcome's name in JSON, subjects and labels.
    pub const fn name(self) -> &'static str {
        self.state().name()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_state() -> impl Strategy<Value = JobState> {
        proptest::sample::select(JobState::ALL.to_vec())
    }

    proptest! {
        #[test]
        fn no_sequence_of_moves_leaves_a_final_state(walk in proptest::collection::vec(any_state(), 0..40)) {
            let mut at = Accepted;
            for next in walk {
                if at.may_become(next) {
                    prop_assert!(!at.is_terminal());
                    at = next;
                }
            }
        }

        #[test]
        fn every_outcome_is_its_state(state in any_state()) {
            prop_assert_eq!(state.outcome().map(Outcome::state), state.is_terminal().then_some(state));
            prop_assert_eq!(state.may_start_again(), state.is_terminal() && state != Succeeded);
        }
    }

    #[test]
    fn every_state_can_be_reached_and_every_unfinished_one_can_end() {
        let mut reached = vec![Accepted];
        let mut at = 0;
        while let Some(from) = reached.get(at).copied() {
            reached.extend(
                JobState::ALL
                    .into_iter()
                    .filter(|to| from.may_become(*to) && !reached.contains(to))
                    .collect::<Vec<_>>(),
            );
            at += 1;
        }
        assert_eq!(reached.len(), JobState::ALL.len());
        for state in JobState::ALL.into_iter().filter(|state| !state.is_terminal()) {
            for end in [Failed, Dead, Cancelled] {
                assert!(state.may_become(end), "{state} → {end}");
            }
        }
    }

    #[test]
    fn only_a_running_job_succeeds() {
        for state in JobState::ALL {
            assert_eq!(state.may_become(Succeeded), state == Running);
        }
    }
}
