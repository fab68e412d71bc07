//! Waits, by the monotonic clock only: a long job that shows how far it is.

#[cfg(feature = "run")]
use std::time::Duration;

use json_body::BodyError;
use rand::{Rng, RngExt as _};
use serde::{Deserialize, Serialize};
#[cfg(feature = "run")]
use tokio::time::{Instant, sleep_until};
use utoipa::ToSchema;

use crate::{CliForm, OperationDefinition, cli::number};
#[cfg(feature = "run")]
use crate::{
    arithmetic,
    run::{OperationContext, OperationError, Value},
};

/// Longest wait, in seconds.
const SECONDS_MAX: f64 = 3_600.0;
/// Progress is reported this often, or more often if the wait is short.
#[cfg(feature = "run")]
const REPORT_EVERY: Duration = Duration::from_secs(1);
/// How many reports even a short wait has.
#[cfg(feature = "run")]
const REPORTS_MIN: u32 = 20;

/// Waits and reports progress: a long-running job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Wait {
    /// Seconds to wait. At most an hour.
    #[schema(minimum = 0.0, maximum = 3_600.0)]
    pub seconds: f64,
}

impl OperationDefinition for Wait {
    const CLI: CliForm =
        CliForm { syntax: "wait:SECONDS", example: "wait:2.5", help: "wait, in seconds" };

    fn check(&self) -> Result<(), BodyError> {
        if !(0.0..=SECONDS_MAX).contains(&self.seconds) {
            return Err(BodyError::new("seconds", format!("must be 0 to {SECONDS_MAX}")));
        }
        Ok(())
    }

    fn from_cli(arguments: &str) -> Option<Self> {
        Some(Self { seconds: number(arguments)? })
    }

    fn example() -> Self {
        Self { seconds: 2.5 }
    }

    fn random(rng: &mut dyn Rng) -> Self {
        Self { seconds: f64::from(rng.random_range(5_u32..50)) / 100.0 }
    }

    fn summary(&self) -> String {
        format!("{} s", self.seconds)
    }

    /// The value is the number of seconds asked for.
    #[cfg(feature = "run")]
    async fn run(&self, context: &OperationContext) -> Result<Value, OperationError> {
        let whole = Duration::from_secs_f64(self.seconds);
        let step = REPORT_EVERY.min(whole / REPORTS_MIN);
        let start = Instant::now();
        loop {
            let waited = start.elapsed();
            if waited >= whole {
                return Ok(arithmetic::number(self.seconds));
            }
            context.progress(waited.as_secs_f32() / whole.as_secs_f32());
            let next = start + whole.min(waited + step);
            tokio::select! {
                biased;
                () = context.cancelled() => return Err(OperationError::Cancelled),
                () = sleep_until(next) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::testing::{context, ends_soon_after_its_cancel};

    #[tokio::test(start_paused = true)]
    async fn a_wait_takes_its_time_and_not_more() {
        for seconds in [0.0, 0.001, 0.25, 1.5, 3_600.0] {
            let start = Instant::now();
            let value = Wait { seconds }.run(&context().0).await.unwrap();
            let waited = start.elapsed().as_secs_f64();
            assert!((seconds..seconds + 0.01).contains(&waited), "{waited}");
            assert_eq!(value.as_f64(), Some(seconds));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_hour_reports_each_second_and_two_seconds_each_tenth() {
        for (seconds, reports) in [(3_600.0, 3_599), (2.0, 19)] {
            let (context, mut progress) = context();
            let watching = tokio::spawn(async move {
                let mut seen = 0;
                while progress.changed().await.is_ok() {
                    seen += 1;
                }
                seen
            });
            Wait { seconds }.run(&context).await.unwrap();
            drop(context);
            let seen: i32 = watching.await.unwrap();
            assert!((seen - reports).abs() <= 1, "{seen}");
        }
    }

    #[test]
    fn the_time_is_limited() {
        for seconds in [0.0, SECONDS_MAX] {
            assert!(Wait { seconds }.check().is_ok(), "{seconds}");
        }
        for seconds in [-1.0, 3_600.5, 1e300, f64::NAN] {
            assert_eq!(Wait { seconds }.check().unwrap_err().field, "seconds", "{seconds}");
        }
    }

    #[tokio::test]
    async fn a_cancelled_wait_ends() {
        ends_soon_after_its_cancel(Wait { seconds: SECONDS_MAX }).await;
    }
}
