//! Hashes a text with SHA-256, then the digest again and again.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{OperationContext, OperationError, cpu};

/// Rounds between two looks at the context: some 50 µs.
const ROUNDS_PER_LOOK: u32 = 256;

/// The value is the last digest in hex. The first round hashes the text, each later one the 32
/// bytes before it.
pub(super) async fn run(
    text: &str,
    rounds: u32,
    context: &OperationContext,
) -> Result<Value, OperationError> {
    let text = text.to_owned();
    cpu::run(context, move |context| digest(&text, rounds, context)).await
}

fn digest(text: &str, rounds: u32, context: &OperationContext) -> Result<Value, OperationError> {
    let mut digest = Sha256::digest(text);
    for round in 1..rounds {
        if round % ROUNDS_PER_LOOK == 0 {
            context.go_on()?;
            context.progress(round as f32 / rounds as f32);
        }
        digest = Sha256::digest(digest);
    }
    Ok(Value::from(hex::encode(digest)))
}

#[cfg(test)]
mod tests {
    use super::{super::tests::context, *};

    fn hash(text: &str, rounds: u32) -> Value {
        digest(text, rounds, &context().0).unwrap()
    }

    #[test]
    fn one_round_is_plain_sha_256() {
        // FIPS 180-2, appendix B.1, and the empty message.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!((hash("abc", 1), hash("", 1)), (abc.into(), empty.into()));
    }

    #[test]
    fn a_second_round_hashes_the_bytes_of_the_first() {
        let twice = "4f8b42c22dd3729b519ba6f68d2da7cc5b2d606d05daed5ad5128cc03e6c6358";
        assert_eq!(hash("abc", 2), twice);
        assert_ne!(hash("abc", 1_000), hash("abc", 1_001));
    }
}
