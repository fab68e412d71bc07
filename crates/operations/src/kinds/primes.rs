//! Counts primes with a sieve that goes over the odd numbers in segments: pure CPU work in 80 KiB.

use json_body::{BodyError, lenient_integer};
use rand::{Rng, RngExt as _};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[cfg(feature = "run")]
use crate::run::{OperationContext, OperationError, Value, on_cpu};
use crate::{CliForm, OperationDefinition, cli::whole_number};

/// Highest bound.
const BELOW_MAX: u64 = 50_000_000;
/// Odd numbers in one segment, one byte each: small enough for a core's own cache, and done well
/// within 10 ms.
#[cfg(feature = "run")]
const SEGMENT: usize = 65_536;

/// Counts the primes below a bound: pure CPU work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Primes {
    /// The bound, exclusive. At most 50 million.
    #[schema(maximum = 50_000_000)]
    #[serde(deserialize_with = "lenient_integer::read")]
    pub below: u64,
}

impl OperationDefinition for Primes {
    const CLI: CliForm = CliForm {
        syntax: "primes:100000",
        example: "primes:100000",
        help: "count the primes below this number",
    };
    const LOAD_WEIGHT: u32 = 3;

    fn check(&self) -> Result<(), BodyError> {
        if self.below > BELOW_MAX {
            return Err(BodyError::new("below", format!("must be at most {BELOW_MAX}")));
        }
        Ok(())
    }

    fn from_cli(arguments: &str) -> Option<Self> {
        Some(Self { below: whole_number(arguments)? })
    }

    fn example() -> Self {
        Self { below: 100_000 }
    }

    fn random(rng: &mut dyn Rng) -> Self {
        Self { below: rng.random_range(1_000..50_000) }
    }

    fn summary(&self) -> String {
        format!("below {}", self.below)
    }

    #[cfg(feature = "run")]
    async fn run(&self, context: &OperationContext) -> Result<Value, OperationError> {
        let below = usize::try_from(self.below).map_err(anyhow::Error::from)?;
        on_cpu(context, move |context| count(below, context).map(Value::from)).await
    }
}

#[cfg(feature = "run")]
fn count(below: usize, context: &OperationContext) -> Result<usize, OperationError> {
    if below <= 2 {
        return Ok(0);
    }
    // Every composite has a factor up to its root. Each comes with its next multiple to cross out;
    // smaller multiples than its square have a smaller factor.
    let mut factors: Vec<_> =
        odd_primes(below.isqrt()).into_iter().map(|prime| (prime, prime * prime)).collect();
    let mut is_composite = vec![false; SEGMENT];
    let mut primes = 1; // the even one
    for low in (3..below).step_by(2 * SEGMENT) {
        let high = below.min(low + 2 * SEGMENT);
        let segment = &mut is_composite[..(high - low).div_ceil(2)];
        segment.fill(false);
        for (prime, multiple) in &mut factors {
            while *multiple < high {
                segment[(*multiple - low) / 2] = true;
                *multiple += 2 * *prime;
            }
        }
        primes += segment.iter().filter(|composite| !**composite).count();
        context.go_on()?;
        context.progress(high as f32 / below as f32);
    }
    Ok(primes)
}

/// The odd primes up to `max`, which is a root and therefore small.
#[cfg(feature = "run")]
fn odd_primes(max: usize) -> Vec<usize> {
    let mut primes: Vec<usize> = Vec::new();
    for number in (3..=max).step_by(2) {
        let mut smaller = primes.iter().take_while(|prime| *prime * *prime <= number);
        if !smaller.any(|prime| number % prime == 0) {
            primes.push(number);
        }
    }
    primes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::run::testing::{context, ends_soon_after_its_cancel, value};

    fn count_below(below: usize) -> usize {
        count(below, &context().0).unwrap()
    }

    #[test]
    fn counts_are_those_of_the_books() {
        let known = [
            (0, 0),
            (1, 0),
            (2, 0),
            (3, 1),
            (4, 2),
            (5, 2),
            (6, 3),
            (10, 4),
            (100, 25),
            (1_000, 168),
            (10_000, 1_229),
            (100_000, 9_592),
            (1_000_000, 78_498),
        ];
        for (below, primes) in known {
            assert_eq!(count_below(below), primes, "below {below}");
        }
    }

    #[test]
    fn the_largest_count_allowed_is_right() {
        let below = usize::try_from(BELOW_MAX).unwrap();
        assert_eq!(count_below(below), 3_001_134);
    }

    #[test]
    fn no_prime_is_lost_where_segments_meet() {
        for edge in [3 + 2 * SEGMENT, 3 + 4 * SEGMENT] {
            let counts: Vec<_> = (edge - 50..edge + 50).map(count_below).collect();
            for (n, pair) in counts.windows(2).enumerate() {
                let number = edge - 50 + n;
                let is_prime = (2..=number.isqrt()).all(|by| number % by > 0);
                assert_eq!(pair[1] - pair[0], usize::from(is_prime), "{number}");
            }
        }
    }

    #[test]
    fn the_bound_is_limited() {
        assert!(Primes { below: BELOW_MAX }.check().is_ok());
        assert_eq!(Primes { below: BELOW_MAX + 1 }.check().unwrap_err().field, "below");
    }

    #[tokio::test]
    async fn the_value_is_the_count() {
        assert_eq!(value(Primes { below: 300_000 }).await, 25_997);
    }

    #[tokio::test]
    async fn a_cancelled_count_ends() {
        ends_soon_after_its_cancel(Primes { below: BELOW_MAX }).await;
    }

    proptest! {
        #[test]
        fn the_sieve_agrees_with_trial_division(below in 0_usize..3_000) {
            let primes = (2..below).filter(|n| (2..=n.isqrt()).all(|by| n % by > 0)).count();
            prop_assert_eq!(count_below(below), primes);
        }
    }
}
