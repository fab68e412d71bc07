//! The kinds of operation, and their limits.

use std::fmt;

use json_body::lenient_integer;
use serde::{Deserialize, Serialize};
use utoipa::{
    ToSchema,
    openapi::{Array, ArrayBuilder, ObjectBuilder, Type},
};

use crate::BodyError;

/// Most numbers one arithmetic operation takes.
pub const INPUTS_MAX: usize = 1_000;
/// Highest bound for counting primes.
pub const PRIMES_BELOW_MAX: u64 = 50_000_000;
/// Longest text to hash, in bytes.
pub const HASH_TEXT_MAX: usize = 65_536;
/// Most SHA-256 rounds.
pub const HASH_ROUNDS_MAX: u32 = 10_000_000;
/// Longest wait, in seconds.
pub const WAIT_SECONDS_MAX: f64 = 3_600.0;
/// Largest side of a tile, in pixels.
pub const RENDER_SIDE_MAX: u32 = 4_096;
/// Largest tile, in pixels.
pub const RENDER_PIXELS_MAX: u32 = 4_194_304;
/// Deepest zoom: beyond it neighbouring pixels are the same 64-bit number.
pub const RENDER_ZOOM_MAX: f64 = 1e12;

/// One operation of a job. `kind` says which; the other fields depend on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Operation {
    /// The sum of two or more numbers.
    Add {
        /// The numbers to add.
        #[schema(min_items = 2, max_items = 1_000)]
        inputs: Vec<f64>,
    },
    /// The first number minus all others.
    Subtract {
        /// The minuend, then the numbers to subtract.
        #[schema(min_items = 2, max_items = 1_000)]
        inputs: Vec<f64>,
    },
    /// The product of two or more numbers.
    Multiply {
        /// The numbers to multiply.
        #[schema(min_items = 2, max_items = 1_000)]
        inputs: Vec<f64>,
    },
    /// The first number divided by each of the others in turn.
    Divide {
        /// The dividend, then the divisors. Division by zero is an error of the operation.
        #[schema(min_items = 2, max_items = 1_000)]
        inputs: Vec<f64>,
    },
    /// Counts the primes below a bound: pure CPU work.
    Primes {
        /// The bound, exclusive. At most 50 million.
        #[schema(maximum = 50_000_000)]
        #[serde(deserialize_with = "lenient_integer::read")]
        below: u64,
    },
    /// Repeated SHA-256 over a text.
    Hash {
        /// The text to hash. At most 64 KiB.
        #[schema(max_length = 65_536)]
        text: String,
        /// Number of rounds. At most 10 million.
        #[schema(minimum = 1, maximum = 10_000_000)]
        #[serde(deserialize_with = "lenient_integer::read")]
        rounds: u32,
    },
    /// Waits and reports progress: a long-running job.
    Wait {
        /// Seconds to wait. At most an hour.
        #[schema(minimum = 0.0, maximum = 3_600.0)]
        seconds: f64,
    },
    /// Renders a tile of the Mandelbrot set as a PNG.
    Render {
        /// Width in pixels. At most 4096, and 4 megapixels in all.
        #[schema(minimum = 1, maximum = 4_096)]
        #[serde(deserialize_with = "lenient_integer::read")]
        width: u32,
        /// Height in pixels.
        #[schema(minimum = 1, maximum = 4_096)]
        #[serde(deserialize_with = "lenient_integer::read")]
        height: u32,
        /// The center point, real and imaginary part.
        #[schema(schema_with = center)]
        center: [f64; 2],
        /// Zoom factor: 1 shows the whole set, 2 half its width.
        #[schema(minimum = 0.1, maximum = 1e12)]
        zoom: f64,
    },
}

fn center() -> Array {
    let part = ObjectBuilder::new().schema_type(Type::Number).minimum(Some(-4)).maximum(Some(4));
    ArrayBuilder::new().items(part).min_items(Some(2)).max_items(Some(2)).build()
}

/// The name of a kind of operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// See [`Operation::Add`].
    Add,
    /// See [`Operation::Subtract`].
    Subtract,
    /// See [`Operation::Multiply`].
    Multiply,
    /// See [`Operation::Divide`].
    Divide,
    /// See [`Operation::Primes`].
    Primes,
    /// See [`Operation::Hash`].
    Hash,
    /// See [`Operation::Wait`].
    Wait,
    /// See [`Operation::Render`].
    Render,
}

impl OperationKind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::Add,
        Self::Subtract,
        Self::Multiply,
        Self::Divide,
        Self::Primes,
        Self::Hash,
        Self::Wait,
        Self::Render,
    ];

    /// The kind's name in JSON, subjects and labels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Subtract => "subtract",
            Self::Multiply => "multiply",
            Self::Divide => "divide",
            Self::Primes => "primes",
            Self::Hash => "hash",
            Self::Wait => "wait",
            Self::Render => "render",
        }
    }
}

impl fmt::Display for OperationKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl Operation {
    /// The kind of this operation.
    pub const fn kind(&self) -> OperationKind {
        match self {
            Self::Add { .. } => OperationKind::Add,
            Self::Subtract { .. } => OperationKind::Subtract,
            Self::Multiply { .. } => OperationKind::Multiply,
            Self::Divide { .. } => OperationKind::Divide,
            Self::Primes { .. } => OperationKind::Primes,
            Self::Hash { .. } => OperationKind::Hash,
            Self::Wait { .. } => OperationKind::Wait,
            Self::Render { .. } => OperationKind::Render,
        }
    }

    /// Checks the limits; `at` is this operation's path, such as `operations[2]`.
    pub fn check(&self, at: &str) -> Result<(), BodyError> {
        let wrong =
            |field: &str, problem: String| Err(BodyError::new(format!("{at}.{field}"), problem));
        match self {
            Self::Add { inputs }
            | Self::Subtract { inputs }
            | Self::Multiply { inputs }
            | Self::Divide { inputs }
                if !(2..=INPUTS_MAX).contains(&inputs.len()) =>
            {
                wrong("inputs", format!("needs 2 to {INPUTS_MAX} numbers, has {}", inputs.len()))
            }
            Self::Primes { below } if *below > PRIMES_BELOW_MAX => {
                wrong("below", format!("must be at most {PRIMES_BELOW_MAX}"))
            }
            Self::Hash { text, .. } if text.len() > HASH_TEXT_MAX => {
                wrong("text", format!("must be at most {HASH_TEXT_MAX} bytes"))
            }
            Self::Hash { rounds, .. } if !(1..=HASH_ROUNDS_MAX).contains(rounds) => {
                wrong("rounds", format!("must be 1 to {HASH_ROUNDS_MAX}"))
            }
            Self::Wait { seconds } if !(0.0..=WAIT_SECONDS_MAX).contains(seconds) => {
                wrong("seconds", format!("must be 0 to {WAIT_SECONDS_MAX}"))
            }
            Self::Render { width, height, center, zoom } => {
                check_tile(at, (*width, *height), *center, *zoom)
            }
            _ => Ok(()),
        }
    }
}

fn check_tile(at: &str, size: (u32, u32), center: [f64; 2], zoom: f64) -> Result<(), BodyError> {
    let (width, height) = size;
    for (field, side) in [("width", width), ("height", height)] {
        if !(1..=RENDER_SIDE_MAX).contains(&side) {
            return Err(BodyError::new(
                format!("{at}.{field}"),
                format!("must be 1 to {RENDER_SIDE_MAX}"),
            ));
        }
    }
    if width * height > RENDER_PIXELS_MAX {
        return Err(BodyError::new(
            at,
            format!("width x height must be at most {RENDER_PIXELS_MAX} pixels"),
        ));
    }
    if center.iter().any(|part| part.abs() > 4.0) {
        return Err(BodyError::new(format!("{at}.center"), "both parts must be within -4 to 4"));
    }
    if !(0.1..=RENDER_ZOOM_MAX).contains(&zoom) {
        return Err(BodyError::new(
            format!("{at}.zoom"),
            format!("must be 0.1 to {RENDER_ZOOM_MAX}"),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_back_as_itself() {
        for kind in OperationKind::ALL {
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{}\"", kind.name()));
        }
    }

    #[test]
    fn a_limit_that_is_passed_names_its_field() {
        let cases = [
            (r#"{"kind":"add","inputs":[1]}"#, "o.inputs"),
            (r#"{"kind":"primes","below":50000001}"#, "o.below"),
            (r#"{"kind":"hash","text":"x","rounds":0}"#, "o.rounds"),
            (r#"{"kind":"wait","seconds":-1}"#, "o.seconds"),
            (r#"{"kind":"wait","seconds":3600.5}"#, "o.seconds"),
            (r#"{"kind":"render","width":0,"height":1,"center":[0,0],"zoom":1}"#, "o.width"),
            (r#"{"kind":"render","width":4096,"height":2048,"center":[0,0],"zoom":1}"#, "o"),
            (r#"{"kind":"render","width":9,"height":9,"center":[0,5],"zoom":1}"#, "o.center"),
        ];
        for (json, field) in cases {
            let operation: Operation = serde_json::from_str(json).unwrap();
            assert_eq!(operation.check("o").unwrap_err().field, field, "{json}");
        }
    }
}
