//! Waits, by the monotonic clock only: a long job that shows how far it is.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use super::{OperationContext, OperationError, arithmetic};

/// Progress is reported this often, or more often if the wait is short.
const REPORT_EVERY: Duration = Duration::from_secs(1);
/// How many reports even a short wait has.
const REPORTS_MIN: u32 = 20;

/// The value is the number of seconds asked for.
pub(super) async fn run(seconds: f64, context: &OperationContext) -> Result<Value, OperationError> {
    let whole = Duration::from_secs_f64(seconds);
    let step = REPORT_EVERY.min(whole / REPORTS_MIN);
    let start = Instant::now();
    loop {
        let waited = start.elapsed();
        if waited >= whole {
            return Ok(arithmetic::number(seconds));
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

#[cfg(test)]
mod tests {
    use super::{super::tests::context, *};

    #[tokio::test(start_paused = true)]
    async fn a_wait_takes_its_time_and_not_more() {
        for seconds in [0.0, 0.001, 0.25, 1.5, 3_600.0] {
            let start = Instant::now();
            let value = run(seconds, &context().0).await.unwrap();
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
            run(seconds, &context).await.unwrap();
            drop(context);
            let seen: i32 = watching.await.unwrap();
            assert!((seen - reports).abs() <= 1, "{seen}");
        }
    }
}
