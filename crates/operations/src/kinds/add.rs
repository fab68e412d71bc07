//! Adds numbers.

use json_body::BodyError;
use rand::Rng;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[cfg(feature = "run")]
use crate::run::{OperationContext, OperationError, Value};
use crate::{CliForm, OperationDefinition, arithmetic, cli::numbers};

/// The sum of two or more numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Add {
    /// The numbers to add.
    #[schema(min_items = 2, max_items = 1_000)]
    pub inputs: Vec<f64>,
}

impl OperationDefinition for Add {
    const CLI: CliForm = CliForm { syntax: "add:1,2,3", example: "add:1,2,3", help: "" };
    const LOAD_WEIGHT: u32 = 8;

    fn check(&self) -> Result<(), BodyError> {
        arithmetic::check(&self.inputs)
    }

    fn from_cli(arguments: &str) -> Option<Self> {
        Some(Self { inputs: numbers(arguments)? })
    }

    fn example() -> Self {
        Self { inputs: vec![1.0, 2.0, 3.0] }
    }

    fn random(rng: &mut dyn Rng) -> Self {
        Self { inputs: arithmetic::random(rng) }
    }

    fn summary(&self) -> String {
        arithmetic::summary(&self.inputs)
    }

    #[cfg(feature = "run")]
    async fn run(&self, _: &OperationContext) -> Result<Value, OperationError> {
        arithmetic::finite("sum", self.inputs.iter().sum())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::run::testing::{failure, value};

    #[tokio::test]
    async fn sums_are_as_a_client_expects_them() {
        let cases: [(&[f64], Value); 5] = [
            (&[1.0, 2.0, 3.0], json!(6)),
            (&[2.0, 3.0], json!(5)),
            (&[0.1, 0.2], json!(0.1 + 0.2)),
            (&[-0.0, -0.0], json!(0)),
            (&[1e15, 0.5], json!(1e15 + 0.5)),
        ];
        for (inputs, sum) in cases {
            assert_eq!(value(Add { inputs: inputs.to_vec() }).await, sum, "{inputs:?}");
        }
    }

    #[tokio::test]
    async fn a_sum_beyond_64_bits_is_the_operations_own_error() {
        let error = failure(Add { inputs: vec![1e308, 1e308] }).await;
        assert!(error.starts_with("the sum is not a finite number"), "{error}");
    }
}
