//! What jobs do: one file a kind, and the list of them.
//!
//! A new kind is a variant of [`Operation`], a file here and a line in [`run`]. Attempts, recorded
//! results, spans and deadlines are the caller's.

use contract::operation::Operation;
use serde_json::Value;

mod arithmetic;
mod cpu;
mod hash;
mod operation_context;
mod primes;
mod render;
mod wait;

pub use operation_context::{OperationContext, Storing, TileStore};

/// How an operation ends without a value.
#[derive(Debug, thiserror::Error)]
pub enum OperationError {
    /// The operation's own error, for the client to read: a normal outcome that a retry cannot change.
    #[error("{0}")]
    Failed(String),
    /// The context's cancel token was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// It could not be done for reasons outside the operation, a panic in its work included.
    #[error(transparent)]
    Broken(#[from] anyhow::Error),
    /// The tile store or the machine cannot serve it now. That is not the job's fault.
    #[error("{0:#}")]
    Unavailable(anyhow::Error),
    /// The child process that it ran in died: how, in words.
    #[error("its child process died: {0}")]
    ChildLost(String),
}

/// Does one operation and answers its value. Progress ends at 1 if and only if there is one.
///
/// Dropping the future stops the work too, CPU work within some milliseconds.
pub async fn run(
    operation: &Operation,
    context: &OperationContext,
) -> Result<Value, OperationError> {
    // The ingester checked the limits; a message that came around it must not get past them.
    operation.check("operation").map_err(|error| OperationError::Failed(error.to_string()))?;
    context.go_on()?;
    let value = match operation {
        Operation::Add { inputs } => arithmetic::add(inputs),
        Operation::Subtract { inputs } => arithmetic::subtract(inputs),
        Operation::Multiply { inputs } => arithmetic::multiply(inputs),
        Operation::Divide { inputs } => arithmetic::divide(inputs),
        Operation::Primes { below } => primes::run(*below, context).await,
        Operation::Hash { text, rounds } => hash::run(text, *rounds, context).await,
        Operation::Wait { seconds } => wait::run(*seconds, context).await,
        Operation::Render { width, height, center, zoom } => {
            render::run(render::View::new((*width, *height), *center, *zoom), context).await
        }
    }?;
    context.progress(1.0);
    Ok(value)
}

#[cfg(test)]
mod tests;
