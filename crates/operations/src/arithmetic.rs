//! What the arithmetic kinds share: they go over their inputs from left to right in 64-bit floating point.
//!
//! Each step rounds by IEEE 754, without compensation, so the order of the inputs matters. A result that no 64-bit
//! float can hold is an error of the operation.

use json_body::BodyError;
use rand::{Rng, RngExt as _};

#[cfg(feature = "run")]
use crate::run::{OperationError, Value};

/// Maximum number of arguments of one arithmetic operation.
const INPUTS_MAX: usize = 1_000;
/// Maximum number of numbers in a summary.
const SUMMARY_INPUTS_MAX: usize = 20;
/// Beyond it neighbouring whole numbers are the same 64-bit float.
#[cfg(feature = "run")]
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

pub(crate) fn check(inputs: &[f64]) -> Result<(), BodyError> {
    if (2..=INPUTS_MAX).contains(&inputs.len()) {
        return Ok(());
    }
    let problem = format!("needs 2 to {INPUTS_MAX} numbers, has {}", inputs.len());
    Err(BodyError::new("inputs", problem))
}

/// Two to five small whole numbers, none of them zero.
pub(crate) fn random(rng: &mut dyn Rng) -> Vec<f64> {
    (0..rng.random_range(2_u32..6)).map(|_| f64::from(rng.random_range(1_u32..1_000))).collect()
}

pub(crate) fn summary(inputs: &[f64]) -> String {
    let inputs: Vec<String> = inputs.iter().take(SUMMARY_INPUTS_MAX).map(f64::to_string).collect();
    inputs.join(", ")
}

/// A number as clients expect it: `5` for a whole one that is exact, never `5.0` or `-0.0`.
#[cfg(feature = "run")]
pub(crate) fn number(value: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
    if value.fract() == 0.0 && value.abs() <= WHOLE_MAX {
        Value::from(value as i64)
    } else {
        Value::from(value)
    }
}

/// The result of an operation; `what` names it in the error.
#[cfg(feature = "run")]
pub(crate) fn finite(what: &str, value: f64) -> Result<Value, OperationError> {
    if value.is_finite() {
        return Ok(number(value));
    }
    Err(OperationError::Failed(format!(
        "the {what} is not a finite number: it is too large for 64 bits"
    )))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_number_is_too_few_and_1001_are_too_many() {
        for (count, is_allowed) in [(1, false), (2, true), (1_000, true), (1_001, false)] {
            let checked = check(&vec![1.0; count]);
            assert_eq!(checked.is_ok(), is_allowed, "{count}");
            assert!(checked.err().is_none_or(|error| error.field == "inputs"), "{count}");
        }
    }

    proptest! {
        #[test]
        fn every_value_reads_back_as_the_same_number(value: f64) {
            if let Ok(json) = finite("value", value) {
                let text = json.to_string();
                let again: f64 = text.parse().unwrap();
                prop_assert_eq!(Some(again), json.as_f64(), "{}", text);
                prop_assert_eq!(Some(again), Some(value));
                prop_assert!(!text.ends_with(".0") || again.abs() > WHOLE_MAX);
            }
        }
    }
}
