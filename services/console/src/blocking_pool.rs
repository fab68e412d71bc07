//! Blocking work on a limited number of threads, so that it does not delay requests that only wait for the network.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Threads for one kind of blocking work.
#[derive(Debug, Clone)]
pub(crate) struct BlockingPool(Arc<Semaphore>);

impl BlockingPool {
    pub(crate) fn new(threads_max: usize) -> Self {
        Self(Arc::new(Semaphore::new(threads_max)))
    }

    /// Runs the work when a thread is free. The work runs to its end, and occupies its thread until then, even if this
    /// future is dropped. A panic of the work is propagated.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        let permit =
            Arc::clone(&self.0).acquire_owned().await.expect("the semaphore is never closed");
        let result = spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        match result.await {
            Ok(value) => value,
            Err(failed) => std::panic::resume_unwind(failed.into_panic()),
        }
    }
}
