//! What a stage does with a message, in three steps that pass one value on.

use std::{future::Future, time::Duration};

use crate::{AttemptResult, Budget, Decision, Delivery, Failure};

/// The work of a stage. The loop calls the steps in order and replies to the broker; a handler never does.
///
/// A message can be delivered again after any step, so each of them is idempotent.
pub trait Handler: Send + Sync + 'static {
    /// One attempt at a message: what it is about, and what this process holds while it works on it.
    type Attempt: Send + Sync;
    /// What must be renewed while an attempt goes on.
    type Lease: Renew;

    /// Opens the message: reads what it is about and acquires what the work needs. An attempt that cannot go on has
    /// its outcome already.
    fn open(&self, delivery: &Delivery) -> impl Future<Output = Self::Attempt> + Send;

    /// The attempt at a message whose [`Self::open`] was cut short, by a panic or by the end of the process.
    fn unopened(&self, delivery: &Delivery) -> Self::Attempt;

    /// The lease of the attempt, if it holds one.
    fn lease(attempt: &Self::Attempt) -> Option<Self::Lease>;

    /// Does the work. Dropped if the lease is lost or the process must exit.
    fn run(
        &self,
        delivery: &Delivery,
        attempt: &mut Self::Attempt,
    ) -> impl Future<Output = AttemptResult> + Send;

    /// How many attempts were used up before one that had this outcome.
    fn budget(
        &self,
        delivery: &Delivery,
        attempt: &mut Self::Attempt,
        outcome: &AttemptResult,
    ) -> impl Future<Output = Budget> + Send;

    /// Writes what the decision means for what the message is about, before the broker gets its reply. `detail` says
    /// what happened, for people. Never called with [`Decision::Fenced`].
    fn settle(
        &self,
        delivery: &Delivery,
        attempt: Self::Attempt,
        decision: Decision,
        detail: &str,
    ) -> impl Future<Output = Result<Settlement, Failure>> + Send;
}

/// The reply to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// The message is done with.
    Ack,
    /// Redeliver it after this delay.
    Nak(Duration),
}

/// What an attempt holds and must renew; see [`Handler::lease`].
pub trait Renew: Send + Sync {
    /// Renews it once.
    fn renew(&self) -> impl Future<Output = Renewal> + Send;

    /// Returns when it should be renewed earlier than usual.
    fn due(&self) -> impl Future<Output = ()> + Send;
}

/// Result of a renewal.
#[derive(Debug)]
pub enum Renewal {
    /// Renewed, or no longer needed.
    Renewed,
    /// The broker could not be reached, so no other worker can take the lease either.
    Unreachable,
    /// The attempt must end with this failure.
    Lost(Failure),
}
