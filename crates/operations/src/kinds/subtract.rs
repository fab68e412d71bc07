//! Subtracts numbers from the first one.

use json_body::BodyError;
use rand::Rng;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[cfg(feature = "run")]
use crate::run::{OperationContext, OperationError, Value};
use crate::{CliForm, OperationDefinition, arithmetic, cli::numbers};

/// The first number minus all others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Subtract {
    /// The minuend, then the numbers to subtract.
    #[schema(min_items = 2, max_items = 1_000)]
    pub inputs: Vec<f64>,
}

impl OperationDefinition for Subtract {
    const CLI: CliForm = CliForm { syntax: "subtract:9,4", example: "subtract:9,4", help: "" };
    const LOAD_WEIGHT: u32 = 4;

    fn check(&self) -> Result<(), BodyError> {
        arithmetic::check(&self.inputs)
    }

    fn from_cli(arguments: &str) -> Option<Self> {
        Some(Self { inputs: numbers(arguments)? })
    }

    fn example() -> Self {
        Self { inputs: vec![9.0, 4.0] }
    }

    fn random(rng: &mut dyn Rng) -> Self {
        Self { inputs: arithmetic::random(rng) }
    }

    fn summary(&self) -> String {
        arithmetic::summary(&self.inputs)
    }

    #[cfg(feature = "run")]
    async fn run(&self, _: &OperationContext) -> Result<Value, OperationError> {
        let difference = self.inputs.iter().copied().reduce(|left, less| left - less);
        arithmetic::finite("difference", difference.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{
        kinds::Add,
        run::testing::{failure, value, value_now},
    };

    #[tokio::test]
    async fn a_difference_is_taken_from_left_to_right() {
        assert_eq!(value(Subtract { inputs: vec![10.0, 1.0, 2.5] }).await, json!(6.5));
        assert_eq!(value(Subtract { inputs: vec![2.0, 3.0] }).await, json!(-1));
        let error = failure(Subtract { inputs: vec![-1e308, 1e308] }).await;
        assert!(error.starts_with("the difference is not a finite number"), "{error}");
    }

    proptest! {
        #[test]
        fn whole_numbers_are_added_and_subtracted_exactly(parts in prop::collection::vec(-1_000_000_i32..1_000_000, 2..100)) {
            let inputs: Vec<f64> = parts.iter().copied().map(f64::from).collect();
            let sum: i64 = parts.iter().copied().map(i64::from).sum();
            prop_assert_eq!(value_now(Add { inputs: inputs.clone() }), json!(sum));
            prop_assert_eq!(value_now(Subtract { inputs }), json!(2 * i64::from(parts[0]) - sum));
        }
    }
}
