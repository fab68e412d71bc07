//! Runs CPU-bound work on its own threads, at most one per core, so that it does not block the runtime.

use std::{any::Any, num::NonZero, sync::LazyLock, thread};

use anyhow::anyhow;
use tokio::{sync::Semaphore, task};

use super::{OperationContext, OperationError};

/// One permit per core.
static CORES: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(cores()));

/// Runs `work` on a thread of its own once a core is free. A panic in it is [`OperationError::Broken`].
///
/// The work must check [`OperationContext::go_on`], so that a cancelled or dropped operation ends.
pub async fn on_cpu<T: Send + 'static>(
    context: &OperationContext,
    work: impl FnOnce(&OperationContext) -> Result<T, OperationError> + Send + 'static,
) -> Result<T, OperationError> {
    let permit = tokio::select! {
        biased;
        () = context.cancelled() => return Err(OperationError::Cancelled),
        permit = CORES.acquire() => permit.expect("the semaphore is never closed"),
    };
    let (context, token) = context.child();
    // A thread cannot be aborted: if this future is dropped, the token stops the work.
    let _stop_if_dropped = token.drop_guard();
    let done = task::spawn_blocking(move || {
        let _permit = permit;
        work(&context)
    });
    match done.await {
        Ok(result) => result,
        Err(error) => Err(OperationError::Broken(match error.try_into_panic() {
            Ok(panic) => anyhow!("the operation panicked: {}", panic_message(&*panic)),
            // A blocking task is cancelled only if the runtime shuts down before the task starts.
            Err(error) => {
                anyhow!(error).context("the operation was not started: the process is stopping")
            }
        })),
    }
}

/// Maximum number of operations that run at the same time.
fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering::SeqCst},
        },
        time::{Duration, Instant},
    };

    use super::{super::testing::context, *};

    const LIMIT: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn a_panic_is_broken_and_says_why() {
        let (context, _) = context();
        for round in 0..=cores() {
            let error = on_cpu::<()>(&context, move |_| panic!("round {round}")).await;
            let Err(OperationError::Broken(cause)) = error else {
                panic!("{error:?}");
            };
            assert!(cause.to_string().contains(&format!("round {round}")));
        }
    }

    #[tokio::test]
    async fn no_more_work_runs_than_there_are_cores() {
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let works = (0..cores() * 8).map(|_| {
            let (running, most) = (running.clone(), most.clone());
            tokio::spawn(async move {
                let work = move |_: &OperationContext| {
                    most.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
                    (0..2_000).for_each(|_| thread::yield_now());
                    running.fetch_sub(1, SeqCst);
                    Ok(())
                };
                on_cpu(&context().0, work).await
            })
        });
        for work in works.collect::<Vec<_>>() {
            work.await.unwrap().unwrap();
        }
        let most = most.load(SeqCst);
        assert!((1..=cores()).contains(&most), "{most}");
    }

    #[tokio::test]
    async fn a_dropped_operation_stops_and_frees_its_core() {
        let (ended, end) = tokio::sync::oneshot::channel();
        let work = |context: &OperationContext| {
            // Gives up in the end, so that a lost token fails this test instead of hanging it.
            let start = Instant::now();
            while context.go_on().is_ok() && start.elapsed() < 2 * LIMIT {
                thread::yield_now();
            }
            let _ = ended.send(());
            Ok(())
        };
        let (context, mut progress) = context();
        let caller = tokio::spawn(async move {
            on_cpu(&context, |context| {
                context.progress(0.5);
                work(context)
            })
            .await
        });
        progress.wait_for(|part| *part > 0.0).await.unwrap();
        caller.abort();
        tokio::time::timeout(LIMIT, end).await.unwrap().unwrap();
    }
}
