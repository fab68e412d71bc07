//! Waiting for a condition, with a limit and with what was last seen.

use std::{fmt::Debug, future::Future, panic::Location, time::Duration};

use tokio::time::{Instant, sleep, timeout_at};

/// The first pause between two looks; it doubles up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_millis(2);
const PAUSE_MAX: Duration = Duration::from_millis(100);

/// What a look may return: `Option`, `Result` or `bool`.
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

/// Looks until it finds what it waits for and returns that. After `limit` it panics and says what
/// it waited for, where, and what it saw last; return `Err(what is there instead)` to have that
/// in the message. A look that hangs counts as late.
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
    let mut pause = PAUSE_MIN;
    let mut seen = "no answer: the look itself did not come back".to_owned();
    let mut looks = 0_u32;
    while let Ok(probe) = timeout_at(deadline, check()).await {
        looks += 1;
        match probe.look() {
            Ok(found) => return found,
            Err(other) => seen = other,
        }
        if Instant::now() + pause > deadline {
            break;
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
    panic!("{place}: not within {limit:?}: {what}\n  last seen, of {looks} looks: {seen}");
}
