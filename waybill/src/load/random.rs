//! What a load contains besides valid operations: failing ones, and data that is no job.

use contract::operation::{Divide, Operation};
use rand::{Rng, RngExt as _};
use serde_json::{Value, json};

/// A division by zero.
pub(super) fn failing(rng: &mut impl Rng) -> Operation {
    Divide { inputs: vec![number(rng), 0.0] }.into()
}

/// Event data that is JSON but not a valid job.
pub(super) fn invalid_job(rng: &mut impl Rng) -> Value {
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

fn number(rng: &mut impl Rng) -> f64 {
    f64::from(rng.random_range(1_u32..1_000))
}
