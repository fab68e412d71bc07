//! Waiting for a condition, with a limit and with what was last seen.

use std::{fmt::Debug, future::Future, panic::Location, time::Duration};

use tokio::time::{Instant, sleep, timeout_at};

/// The first delay between two looks; it doubles up to [`DELAY_MAX`].
const DELAY_MIN: Duration = Duration::from_millis(2);
const DELAY_MAX: Duration = Duration::from_millis(100);

/// What a check may return: `Option`, `Result` or `bool`.
pub trait Probe {
    /// What was waited for.
    type Found;

    /// It, or what was seen instead.
    fn look(self) -> Result<Self::Found, String>;
}

impl<T> Probe for Option<T> {
    type Found = T;

    fn look(self) -> Result<T, String> {
        self.ok_or_else(|| "nothing".to_owned())
    }
}

impl<T, E: Debug> Probe for Result<T, E> {
    type Found = T;

    fn look(self) -> Result<T, String> {
        self.map_err(|error| format!("{error:?}"))
    }
}

impl Probe for bool {
    type Found = ();

    fn look(self) -> Result<(), String> {
        self.then_some(()).ok_or_else(|| "false".to_owned())
    }
}

/// Repeats `check` until it succeeds, and returns its value. After `limit` it panics with `what`, the place of the call
/// and the last result; return `Err(actual)` to have that in the message. A check that hangs counts as timed out.
#[track_caller]
pub fn eventually<P: Probe>(
    limit: Duration,
    what: &str,
    check: impl AsyncFnMut() -> P,
) -> impl Future<Output = P::Found> {
    // Taken here: in an async function it would be a place in this file.
    let place = Location::caller();
    look_until(limit, what, place, check)
}

async fn look_until<P: Probe>(
    limit: Duration,
    what: &str,
    place: &Location<'_>,
    mut check: impl AsyncFnMut() -> P,
) -> P::Found {
    let deadline = Instant::now() + limit;
    let mut delay = DELAY_MIN;
    let mut seen = "nothing: the check itself did not come back".to_owned();
    let mut looks = 0_u32;
    while let Ok(probe) = timeout_at(deadline, check()).await {
        looks += 1;
        match probe.look() {
            Ok(found) => return found,
            Err(other) => seen = other,
        }
        if Instant::now() + delay > deadline {
            break;
        }
        sleep(delay).await;
        delay = (delay * 2).min(DELAY_MAX);
    }
    panic!("{place}: not within {limit:?}: {what}\n  last of {looks} checks: {seen}");
}
