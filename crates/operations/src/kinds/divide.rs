//! Divides the first number by the others.

use json_body::BodyError;
use rand::Rng;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[cfg(feature = "run")]
use crate::run::{OperationContext, OperationError, Value};
use crate::{CliForm, OperationDefinition, arithmetic, cli::numbers};

/// The first number divided by each of the others in turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Divide {
    /// The dividend, then the divisors. Division by zero is an error of the operation.
    #[schema(min_items = 2, max_items = 1_000)]
    pub inputs: Vec<f64>,
}

impl OperationDefinition for Divide {
    const CLI: CliForm = CliForm { syntax: "divide:1,3", example: "divide:1,3", help: "" };
    const LOAD_WEIGHT: u32 = 4;

    fn check(&self) -> Result<(), BodyError> {
        arithmetic::check(&self.inputs)
    }

    fn from_cli(arguments: &str) -> Option<Self> {
        Some(Self { inputs: numbers(arguments)? })
    }

    fn example() -> Self {
        Self { inputs: vec![1.0, 3.0] }
    }

    fn random(rng: &mut dyn Rng) -> Self {
        Self { inputs: arithmetic::random(rng) }
    }

    fn summary(&self) -> String {
        arithmetic::summary(&self.inputs)
    }

    #[cfg(feature = "run")]
    async fn run(&self, _: &OperationContext) -> Result<Value, OperationError> {
        let zero = self.inputs.iter().skip(1).position(|divisor| *divisor == 0.0);
        if let Some(n) = zero {
            return Err(OperationError::Failed(format!(
                "division by zero: inputs[{}] is 0",
                n + 1
            )));
        }
        let quotient = self.inputs.iter().copied().reduce(|left, by| left / by);
        arithmetic::finite("quotient", quotient.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::run::testing::{failure, value};

    #[tokio::test]
    async fn quotients_are_as_a_client_expects_them() {
        let cases: [(&[f64], Value); 4] = [
            (&[100.0, 5.0, 4.0], json!(5)),
            (&[1.0, 3.0], json!(1.0 / 3.0)),
            (&[3.0, 2.0], json!(1.5)),
            (&[0.0, 2.0], json!(0)),
        ];
        for (inputs, quotient) in cases {
            assert_eq!(value(Divide { inputs: inputs.to_vec() }).await, quotient, "{inputs:?}");
        }
    }

    #[tokio::test]
    async fn a_division_by_zero_is_the_operations_own_error() {
        for inputs in [vec![1.0, 2.0, 0.0], vec![0.0, 1.0, -0.0]] {
            let error = failure(Divide { inputs }).await;
            assert_eq!(error, "division by zero: inputs[2] is 0");
        }
        let error = failure(Divide { inputs: vec![1e300, 1e-300] }).await;
        assert!(error.starts_with("the quotient is not a finite number"), "{error}");
    }
}
