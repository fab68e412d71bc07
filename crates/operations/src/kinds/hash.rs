//! Hashes a string with SHA-256, then the digest, for a number of rounds.

use json_body::{BodyError, lenient_integer};
use rand::{Rng, RngExt as _, seq::IndexedRandom as _};
use serde::{Deserialize, Serialize};
#[cfg(feature = "run")]
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

#[cfg(feature = "run")]
use crate::run::{OperationContext, OperationError, Value, on_cpu};
use crate::{CliForm, OperationDefinition, cli::whole_number};

/// Longest text to hash, in bytes.
const TEXT_BYTES_MAX: usize = 65_536;
/// Most SHA-256 rounds.
const ROUNDS_MAX: u32 = 10_000_000;
/// Rounds between two looks at the context: some 50 µs.
#[cfg(feature = "run")]
const ROUNDS_PER_LOOK: u32 = 256;
/// Texts of random operations.
const WORDS: [&str; 5] = ["parcel", "pallet", "crate", "letter", "container"];

/// Repeated SHA-256 over a string.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Hash {
    /// The text to hash. At most 64 KiB.
    #[schema(max_length = 65_536)]
    pub text: String,
    /// Number of rounds. At most 10 million.
    #[schema(minimum = 1, maximum = 10_000_000)]
    #[serde(deserialize_with = "lenient_integer::read")]
    pub rounds: u32,
}

impl OperationDefinition for Hash {
    const CLI: CliForm = CliForm {
        syntax: "hash:ROUNDS:TEXT",
        example: "hash:1000:some text",
        help: "SHA-256 of a string, with this number of rounds",
    };
    const LOAD_WEIGHT: u32 = 5;

    fn check(&self) -> Result<(), BodyError> {
        let bytes = self.text.len();
        if bytes > TEXT_BYTES_MAX {
            let problem = format!("must be at most {TEXT_BYTES_MAX} bytes, is {bytes} bytes");
            return Err(BodyError::new("text", problem));
        }
        if !(1..=ROUNDS_MAX).contains(&self.rounds) {
            let problem = format!("must be 1 to {ROUNDS_MAX}, is {}", self.rounds);
            return Err(BodyError::new("rounds", problem));
        }
        Ok(())
    }

    fn from_cli(arguments: &str) -> Option<Self> {
        let (rounds, text) = arguments.split_once(':')?;
        Some(Self { text: text.to_owned(), rounds: whole_number(rounds)? })
    }

    fn example() -> Self {
        Self { text: "some text".to_owned(), rounds: 1_000 }
    }

    fn random(rng: &mut dyn Rng) -> Self {
        let text = *WORDS.choose(rng).expect("there are words");
        Self { text: text.to_owned(), rounds: rng.random_range(1..2_000) }
    }

    fn summary(&self) -> String {
        format!("{} × {}", self.text, self.rounds)
    }

    /// The value is the last digest in hex. The first round hashes the text, each later one the 32 bytes before it.
    #[cfg(feature = "run")]
    async fn run(&self, context: &OperationContext) -> Result<Value, OperationError> {
        let Self { text, rounds } = self.clone();
        on_cpu(context, move |context| digest(&text, rounds, context)).await
    }
}

#[cfg(feature = "run")]
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
    use super::*;
    use crate::run::testing::{context, ends_soon_after_its_cancel, value};

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

    #[test]
    fn text_and_rounds_are_limited() {
        let hash = |bytes, rounds| Hash { text: "x".repeat(bytes), rounds };
        let field = |hash: Hash| hash.check().err().map(|error| error.field);
        assert_eq!(field(hash(TEXT_BYTES_MAX, ROUNDS_MAX)), None);
        assert_eq!(field(hash(TEXT_BYTES_MAX + 1, 1)).as_deref(), Some("text"));
        assert_eq!(field(hash(1, 0)).as_deref(), Some("rounds"));
        assert_eq!(field(hash(1, ROUNDS_MAX + 1)).as_deref(), Some("rounds"));
    }

    #[tokio::test]
    async fn a_cancelled_hash_ends() {
        let hash = Hash { text: "x".to_owned(), rounds: ROUNDS_MAX };
        ends_soon_after_its_cancel(hash).await;
    }

    #[tokio::test]
    async fn the_result_is_the_digest_of_the_last_round() {
        let hash = Hash { text: "abc".to_owned(), rounds: 2 };
        assert_eq!(value(hash).await, super::tests::hash("abc", 2));
    }
}
