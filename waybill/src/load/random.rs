//! Small operations with random arguments.

use contract::operation::{Operation, OperationKind};
use rand::{Rng, RngExt as _, seq::IndexedRandom as _};
use serde_json::{Value, json};

/// Texts to hash.
const WORDS: [&str; 5] = ["parcel", "pallet", "crate", "letter", "container"];

/// A small operation of this kind. None of them fails.
pub(super) fn operation(kind: OperationKind, rng: &mut impl Rng) -> Operation {
    match kind {
        OperationKind::Add => Operation::Add { inputs: numbers(rng) },
        OperationKind::Subtract => Operation::Subtract { inputs: numbers(rng) },
        OperationKind::Multiply => Operation::Multiply { inputs: numbers(rng) },
        OperationKind::Divide => Operation::Divide { inputs: numbers(rng) },
        OperationKind::Primes => Operation::Primes { below: rng.random_range(1_000..50_000) },
        OperationKind::Hash => {
            let text = *WORDS.choose(rng).expect("there are words");
            Operation::Hash { text: text.to_owned(), rounds: rng.random_range(1..2_000) }
        }
        OperationKind::Wait => {
            Operation::Wait { seconds: f64::from(rng.random_range(5_u32..50)) / 100.0 }
        }
        OperationKind::Render => {
            let zoom = f64::from(rng.random_range(1_u32..1_000));
            Operation::Render { width: 64, height: 48, center: [-0.74, 0.11], zoom }
        }
    }
}

/// A division by zero.
pub(super) fn failing(rng: &mut impl Rng) -> Operation {
    Operation::Divide { inputs: vec![number(rng), 0.0] }
}

/// Event data that is JSON but not a valid job.
pub(super) fn no_job(rng: &mut impl Rng) -> Value {
    let n = number(rng);
    match rng.random_range(0_u32..8) {
        0 => json!("not a job"),
        1 => json!([n]),
        2 => json!({"name": "no operations"}),
        3 => json!({"name": "none", "operations": []}),
        4 => json!({"name": "unknown", "operations": [{"kind": "fly", "inputs": [n]}]}),
        5 => json!({"name": "too few", "operations": [{"kind": "add", "inputs": [n]}]}),
        6 => json!({"name": "text", "operations": [{"kind": "add", "inputs": ["one", n]}]}),
        _ => json!({"name": "", "operations": [{"kind": "add", "inputs": [n, n]}]}),
    }
}

fn numbers(rng: &mut impl Rng) -> Vec<f64> {
    (0..rng.random_range(2_u32..6)).map(|_| number(rng)).collect()
}

fn number(rng: &mut impl Rng) -> f64 {
    f64::from(rng.random_range(1_u32..1_000))
}
