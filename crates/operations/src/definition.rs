//! What a kind of operation defines.

use json_body::BodyError;
use rand::Rng;
use serde::{Serialize, de::DeserializeOwned};
use utoipa::ToSchema;

#[cfg(feature = "run")]
use crate::run::{OperationContext, OperationError};

/// A kind of operation: a struct with its arguments, which are also the fields of its JSON form.
///
/// The type's doc comment describes the kind in the HTTP API, those of its fields the arguments. JSON has one number
/// type: fields that hold whole numbers are read with `json_body::lenient_integer`.
pub trait OperationDefinition:
    Clone + Serialize + DeserializeOwned + ToSchema + Send + Sync
{
    /// How it is written on a command line.
    const CLI: CliForm;
    /// Its weight in the default mix of the load generator. Those of all kinds together are about 30; common ones have up to 8.
    const LOAD_WEIGHT: u32 = 1;
    /// Whether its value describes a tile, which the gateway serves as the operation's image.
    const HAS_IMAGE: bool = false;

    /// Checks the limits. The error's field is relative to the operation, and empty if no single field is wrong.
    fn check(&self) -> Result<(), BodyError>;

    /// Parses the arguments after `KIND:` on a command line. `None` if they are not as [`CliForm::syntax`] says; limits
    /// are checked afterwards.
    fn from_cli(arguments: &str) -> Option<Self>;

    /// The operation that [`CliForm::example`] writes.
    fn example() -> Self;

    /// An operation with random arguments that takes at most half a second and does not fail.
    fn random(rng: &mut dyn Rng) -> Self;

    /// Its arguments in a few words, for a terminal.
    fn summary(&self) -> String;

    /// Runs it and returns its value. The limits have been checked.
    ///
    /// Dropping the future stops the work, and so does the context's cancel token, both within some milliseconds.
    /// CPU work runs in [`crate::run::on_cpu`].
    #[cfg(feature = "run")]
    fn run(
        &self,
        context: &OperationContext,
    ) -> impl Future<Output = Result<serde_json::Value, OperationError>> + Send;
}

/// How a kind is written on a command line. All of it starts with `KIND:`.
#[derive(Debug, Clone, Copy)]
pub struct CliForm {
    /// For errors: `hash:ROUNDS:TEXT`.
    pub syntax: &'static str,
    /// For the help: `hash:1000:some text`.
    pub example: &'static str,
    /// What it does, beside the example. Kinds without it share a line of the help.
    pub help: &'static str,
}
