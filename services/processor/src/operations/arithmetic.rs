//! Adds, subtracts, multiplies and divides, from left to right in 64-bit floating point.
//!
//! Each step rounds by IEEE 754, without compensation, so the order of the inputs matters. A result that no 64-bit
//! float can hold is an error of the operation.

use serde_json::Value;

use super::OperationError;

/// Beyond it neighbouring whole numbers are the same 64-bit float.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

pub(super) fn add(inputs: &[f64]) -> Result<Value, OperationError> {
    finite("sum", inputs.iter().sum())
}

pub(super) fn subtract(inputs: &[f64]) -> Result<Value, OperationError> {
    let difference = inputs.iter().copied().reduce(|left, less| left - less);
    finite("difference", difference.unwrap_or_default())
}

pub(super) fn multiply(inputs: &[f64]) -> Result<Value, OperationError> {
    finite("product", inputs.iter().product())
}

pub(super) fn divide(inputs: &[f64]) -> Result<Value, OperationError> {
    let zero = inputs.iter().skip(1).position(|divisor| *divisor == 0.0);
    if let Some(n) = zero {
        return Err(OperationError::Failed(format!("division by zero: inputs[{}] is 0", n + 1)));
    }
    let quotient = inputs.iter().copied().reduce(|left, by| left / by);
    finite("quotient", quotient.unwrap_or_default())
}

/// A number as clients expect it: `5` for a whole one that is exact, never `5.0` or `-0.0`.
pub(super) fn number(value: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
    if value.fract() == 0.0 && value.abs() <= WHOLE_MAX {
        Value::from(value as i64)
    } else {
        Value::from(value)
    }
}

fn finite(what: &str, value: f64) -> Result<Value, OperationError> {
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
    use serde_json::json;

    use super::*;

    type Kind = fn(&[f64]) -> Result<Value, OperationError>;

    #[test]
    fn numbers_come_out_as_a_client_expects_them() {
        let cases: &[(Kind, &[f64], Value)] = &[
            (add, &[2.0, 3.0], json!(5)),
            (add, &[0.1, 0.2], json!(0.1 + 0.2)),
            (add, &[-0.0, -0.0], json!(0)),
            (add, &[1e15, 0.5], json!(1e15 + 0.5)),
            (subtract, &[10.0, 1.0, 2.5], json!(6.5)),
            (multiply, &[1.5, 2.0, -4.0], json!(-12)),
            (multiply, &[1e200, 1e100], json!(1e300)),
            (divide, &[100.0, 5.0, 4.0], json!(5)),
            (divide, &[1.0, 3.0], json!(1.0 / 3.0)),
            (divide, &[0.0, 2.0], json!(0)),
        ];
        for (kind, inputs, value) in cases {
            assert_eq!(&kind(inputs).unwrap(), value, "{inputs:?}");
        }
    }

    #[test]
    fn a_division_by_zero_is_the_operations_own_error() {
        for inputs in [[1.0, 2.0, 0.0], [0.0, 1.0, -0.0]] {
            let error = divide(&inputs).unwrap_err();
            assert!(matches!(error, OperationError::Failed(_)));
            assert_eq!(error.to_string(), "division by zero: inputs[2] is 0");
        }
    }

    #[test]
    fn a_result_beyond_64_bits_is_the_operations_own_error() {
        let cases: &[(Kind, &[f64])] = &[
            (add, &[1e308, 1e308]),
            (subtract, &[-1e308, 1e308]),
            (multiply, &[1e200, 1e200]),
            (divide, &[1e300, 1e-300]),
            (multiply, &[1e200, 1e200, 0.0]),
        ];
        for (kind, inputs) in cases {
            let error = kind(inputs).unwrap_err();
            assert!(matches!(error, OperationError::Failed(_)));
            assert!(error.to_string().contains("not a finite number"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn whole_numbers_are_added_and_subtracted_exactly(parts in prop::collection::vec(-1_000_000_i32..1_000_000, 2..100)) {
            let inputs: Vec<f64> = parts.iter().copied().map(f64::from).collect();
            let sum: i64 = parts.iter().copied().map(i64::from).sum();
            prop_assert_eq!(add(&inputs).unwrap(), json!(sum));
            prop_assert_eq!(subtract(&inputs).unwrap(), json!(2 * i64::from(parts[0]) - sum));
        }

        #[test]
        fn every_value_reads_back_as_the_same_number(inputs in prop::collection::vec(any::<f64>(), 2..10)) {
            for kind in [add, subtract, multiply, divide] as [Kind; 4] {
                if let Ok(value) = kind(&inputs) {
                    let text = value.to_string();
                    let again: f64 = text.parse().unwrap();
                    prop_assert_eq!(Some(again), value.as_f64(), "{}", text);
                    prop_assert!(!text.ends_with(".0") || again.abs() > WHOLE_MAX);
                }
            }
        }
    }
}
