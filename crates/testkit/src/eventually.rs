//! Waits for a condition with a timeout; the message of the timeout shows the last result.

use std::{fmt::Debug, future::Future, panic::Location, time::Duration};

use runtime::backoff::Backoff;
use tokio::time::{Instant, sleep, timeout_at};

/// First delay between two checks; it doubles up to [`DELAY_MAX`].
const DELAY_MIN: Duration = Duration::from_millis(2);
const DELAY_MAX: Duration = Duration::from_millis(100);

/// What a check may return: `Option`, `Result` or `bool`.
pub trait CheckResult {
    /// The value of a successful check.
    type Found;

    /// The value, or a description of the actual result.
    fn into_result(self) -> Result<Self::Found, String>;
}

impl<T> CheckResult for Option<T> {
    type Found = T;

    fn into_result(self) -> Result<T, String> {
        self.ok_or_else(|| "nothing".to_owned())
    }
}

impl<T, E: Debug> CheckResult for Result<T, E> {
    type Found = T;

    fn into_result(self) -> Result<T, String> {
        self.map_err(|error| format!("{error:?}"))
    }
}

impl CheckResult for bool {
    type Found = ();

    fn into_result(self) -> Result<(), String> {
        self.then_some(()).ok_or_else(|| "false".to_owned())
    }
}

/// Repeats `check` until it succeeds, and returns its value. After `limit` it panics with `what`, the place of the call
/// and the last result; return `Err(actual)` to have that in the message. A check that hangs counts as timed out.
#[track_caller]
pub fn eventually<P: CheckResult>(
    limit: Duration,
    what: &str,
    check: impl AsyncFnMut() -> P,
) -> impl Future<Output = P::Found> {
    // Taken here: in an async function it would be a place in this file.
    let place = Location::caller();
    check_until(limit, what, place, check)
}

async fn check_until<P: CheckResult>(
    limit: Duration,
    what: &str,
    place: &Location<'_>,
    mut check: impl AsyncFnMut() -> P,
) -> P::Found {
    let deadline = Instant::now() + limit;
    let mut backoff = Backoff::new(DELAY_MIN, DELAY_MAX);
    let mut last = "nothing: the check itself did not return".to_owned();
    let mut checks = 0_u32;
    while let Ok(result) = timeout_at(deadline, check()).await {
        checks += 1;
        match result.into_result() {
            Ok(found) => return found,
            Err(other) => last = other,
        }
        let delay = backoff.next_delay();
        if Instant::now() + delay > deadline {
            break;
        }
        sleep(delay).await;
    }
    panic!("{place}: not within {limit:?}: {what}\n  last of {checks} checks: {last}");
}
