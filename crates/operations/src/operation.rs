//! What all kinds of operation share.

use std::fmt;

use json_body::BodyError;

use crate::{Operation, OperationKind};

impl Operation {
    /// Checks the limits; `at` is this operation's path, such as `operations[2]`.
    pub fn check(&self, at: &str) -> Result<(), BodyError> {
        self.check_arguments().map_err(|error| {
            let field = if error.field.is_empty() {
                at.to_owned()
            } else {
                format!("{at}.{}", error.field)
            };
            BodyError { field, ..error }
        })
    }
}

impl fmt::Display for OperationKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    #[test]
    fn every_kind_has_the_same_name_in_json_in_code_and_on_the_command_line() {
        for kind in OperationKind::ALL {
            let name = kind.name();
            assert_eq!(serde_json::to_value(kind).unwrap(), name);
            assert_eq!(serde_json::to_value(kind.example()).unwrap()["kind"], name);
            assert!(kind.cli().syntax.starts_with(&format!("{name}:")), "{name}");
            assert!(kind.cli().example.starts_with(&format!("{name}:")), "{name}");
            assert_eq!((kind.example().kind(), kind.to_string()), (kind, name.to_owned()));
        }
    }

    #[test]
    fn every_example_is_valid_and_reads_back_as_itself() {
        for operation in OperationKind::ALL.map(OperationKind::example) {
            operation.check("o").unwrap();
            let json = serde_json::to_string(&operation).unwrap();
            assert_eq!(serde_json::from_str::<Operation>(&json).unwrap(), operation, "{json}");
            assert!(!operation.summary().is_empty(), "{json}");
        }
    }

    #[test]
    fn a_field_that_is_not_known_is_ignored() {
        for operation in OperationKind::ALL.map(OperationKind::example) {
            let mut json = serde_json::to_value(&operation).unwrap();
            json["newer"] = serde_json::json!({"x": [1]});
            assert_eq!(serde_json::from_value::<Operation>(json).unwrap(), operation);
        }
    }

    #[test]
    fn the_limits_of_every_kind_name_the_path_of_the_operation() {
        for json in [
            r#"{"kind":"primes","below":50000001}"#,
            r#"{"kind":"render","width":4096,"height":2048,"center":[0,0],"zoom":1}"#,
        ] {
            let operation: Operation = serde_json::from_str(json).unwrap();
            let field = operation.check("operations[2]").unwrap_err().field;
            assert!(field == "operations[2].below" || field == "operations[2]", "{field}");
        }
    }

    proptest! {
        #[test]
        fn every_random_operation_is_valid_and_reads_back_as_itself(seed: u64) {
            let mut rng = StdRng::seed_from_u64(seed);
            for kind in OperationKind::ALL {
                let operation = kind.random(&mut rng);
                prop_assert_eq!(operation.kind(), kind);
                prop_assert!(operation.check("o").is_ok(), "{:?}", operation);
                let json = serde_json::to_string(&operation).unwrap();
                prop_assert_eq!(serde_json::from_str::<Operation>(&json).unwrap(), operation);
            }
        }
    }
}
