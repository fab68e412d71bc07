//! Multiplies numbers.

use json_body::BodyError;
use rand::Rng;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[cfg(feature = "run")]
use crate::run::{OperationContext, OperationError, Value};
use crate::{CliForm, OperationDefinition, arithmetic, cli::numbers};

/// The product of two or more numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Multiply {
    /// The numbers to multiply.
    #[schema(min_items = 2, max_items = 1_000)]
    pub inputs: Vec<f64>,
}

impl OperationDefinition for Multiply {
    const CLI: CliForm = CliForm { syntax: "multiply:6,7", example: "multiply:6,7", help: "" };
    const LOAD_WEIGHT: u32 = 6;

    fn check(&self) -> Result<(), BodyError> {
        arithmetic::check(&self.inputs)
    }

    fn from_cli(arguments: &str) -> Option<Self> {
        Some(Self { inputs: numbers(arguments)? })
    }

    fn example() -> Self {
        Self { inputs: vec![6.0, 7.0] }
    }

    fn random(rng: &mut dyn Rng) -> Self {
        Self { inputs: arithmetic::random(rng) }
    }

    fn summary(&self) -> String {
        arithmetic::summary(&self.inputs)
    }

    #[cfg(feature = "run")]
    async fn run(&self, _: &OperationContext) -> Result<Value, OperationError> {
        arithmetic::finite("product", self.inputs.iter().product())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::run::testing::{failure, value};

    #[tokio::test]
    async fn products_are_as_a_client_expects_them() {
        let cases: [(&[f64], Value); 3] = [
            (&[2.0, 3.0], json!(6)),
            (&[1.5, 2.0, -4.0], json!(-12)),
            (&[1e200, 1e100], json!(1e300)),
        ];
        for (inputs, product) in cases {
            assert_eq!(value(Multiply { inputs: inputs.to_vec() }).await, product, "{inputs:?}");
        }
    }

    #[tokio::test]
    async fn a_product_beyond_64_bits_is_the_operations_own_error() {
        for inputs in [vec![1e200, 1e200], vec![1e200, 1e200, 0.0]] {
            let error = failure(Multiply { inputs }).await;
            assert!(error.starts_with("the product is not a finite number"), "{error}");
        }
    }
}
