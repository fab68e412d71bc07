//! Tests of `eventually` and the message of its timeout.

use std::{
    panic::{AssertUnwindSafe, resume_unwind},
    time::Duration,
};

use futures_util::FutureExt as _;
use testkit::{Seed, eventually};

const SOON: Duration = Duration::from_millis(60);

#[tokio::test]
async fn it_returns_what_it_found_after_looking_again() {
    let mut looks = 0;
    let found = eventually(Duration::from_secs(5), "the third look", async || {
        looks += 1;
        (looks == 3).then_some(looks)
    })
    .await;
    assert_eq!(found, 3);
}

#[tokio::test]
async fn after_the_timeout_it_says_what_where_and_what_it_saw_last() {
    let mut looks = 0;
    let message = message_of(eventually(SOON, "the answer", async || {
        looks += 1;
        Err::<(), _>(format!("only look {looks}"))
    }))
    .await;
    for part in ["tests/it/eventually.rs", "the answer", "60ms", "only look"] {
        assert!(message.contains(part), "{message}");
    }
}

#[tokio::test]
async fn a_check_that_hangs_times_out() {
    let hang = async || std::future::pending::<bool>().await;
    let message = message_of(eventually(SOON, "a slow thing", hang)).await;
    assert!(message.contains("did not return"), "{message}");
}

#[test]
fn a_seed_repeats_its_choices() {
    use rand::RngExt as _;
    let seed = Seed::pick();
    let draw = || -> [u64; 4] { seed.rng().random() };
    assert_eq!(draw(), draw());
    assert_ne!(draw(), Seed(seed.0 ^ 1).rng().random::<[u64; 4]>());
}

async fn message_of<T>(waiting: impl Future<Output = T>) -> String {
    match AssertUnwindSafe(waiting).catch_unwind().await {
        Ok(_) => panic!("it should have timed out"),
        Err(panic) => match panic.downcast::<String>() {
            Ok(message) => *message,
            Err(other) => resume_unwind(other),
        },
    }
}
