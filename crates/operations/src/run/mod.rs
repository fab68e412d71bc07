//! Runs operations. Attempts, recorded results, spans and deadlines are the worker's.
//!
//! - [`Operation::run`]: one operation, from its limits to its value
//! - [`OperationContext`]: what an operation gets from the worker
//! - [`on_cpu`]: CPU-bound work beside the async runtime

mod cpu;
mod operation_context;

use crate::Operation;
pub use cpu::on_cpu;
pub use operation_context::{OperationContext, Storing, TileStore};
/// The value of an operation, as JSON.
pub use serde_json::Value;

/// How an operation ends without a value.
#[derive(Debug, thiserror::Error)]
pub enum OperationError {
    /// The operation's own error, for the client to read: a normal outcome that a retry cannot change.
    #[error("{0}")]
    Failed(String),
    /// The context's cancel token was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// The operation could not be done for reasons outside the operation, a panic in its work included.
    #[error(transparent)]
    Broken(#[from] anyhow::Error),
    /// The tile store or the machine cannot serve it now. That is not the job's fault.
    #[error("{0:#}")]
    Unavailable(anyhow::Error),
    /// The child process that ran the operation died: how, in words.
    #[error("the operation's child process died: {0}")]
    ChildLost(String),
}

impl Operation {
    /// Runs the operation and returns its value. Progress ends at 1 if and only if there is one.
    ///
    /// Dropping the future stops the work too, CPU work within some milliseconds.
    pub async fn run(&self, context: &OperationContext) -> Result<Value, OperationError> {
        // The ingester checked the limits; a message that came around it must not get past them.
        self.check("operation").map_err(|error| OperationError::Failed(error.to_string()))?;
        context.go_on()?;
        let value = self.run_checked(context).await?;
        context.progress(1.0);
        Ok(value)
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
