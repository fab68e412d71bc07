//! A breaker in every order of events.

use proptest::prelude::*;

use super::{super::super::RETRY_AFTER_MAX, *};

const UNHEALTHY: Health = Health::Unhealthy { least: None };

fn away(now: Instant) -> Breaker {
    let mut breaker = Breaker::default();
    for n in 1..=FAILURES_MAX {
        assert!(!breaker.start() && breaker.may_start(now).is_ok());
        let change = breaker.end(false, UNHEALTHY, now, 1.0);
        assert_eq!(matches!(change, Change::Opened(_)), n == FAILURES_MAX, "{n}: {change:?}");
    }
    breaker
}

#[test]
fn the_breaker_opens_after_five_failures_in_a_row_and_not_before() {
    let now = Instant::now();
    let mut breaker = Breaker::default();
    for _ in 0..3 {
        for _ in 1..FAILURES_MAX {
            assert_eq!(breaker.end(false, UNHEALTHY, now, 0.5), Change::None);
        }
        assert_eq!(breaker.end(false, Health::Healthy, now, 0.5), Change::None);
    }
    assert!(!breaker.is_open() && away(now).is_open());
}

#[test]
fn an_open_breaker_lets_one_probe_through_which_decides() {
    let start = Instant::now();
    let mut breaker = away(start);
    assert_eq!(breaker.may_start(start), Err(Duration::from_secs(1)));
    let later = start + Duration::from_secs(1);
    assert_eq!(breaker.may_start(later), Ok(()));
    assert!(breaker.start());
    assert_eq!(breaker.may_start(later), Err(Duration::ZERO));
    assert_eq!(breaker.end(false, Health::Healthy, later, 1.0), Change::None, "began before");
    let Change::Reopened(delay) = breaker.end(true, UNHEALTHY, later, 1.0) else { panic!() };
    assert_eq!((delay, breaker.may_start(later)), (Duration::from_secs(2), Err(delay)));
    assert!(breaker.start());
    assert_eq!(breaker.end(true, Health::Healthy, later, 1.0), Change::Closed);
    assert_eq!((breaker.is_open(), breaker.may_start(later)), (false, Ok(())));
}

#[test]
fn after_a_cancelled_probe_the_next_one_may_start_immediately() {
    let start = Instant::now();
    let mut breaker = away(start);
    assert!(breaker.start());
    assert_eq!(breaker.end(true, Health::Unknown, start, 0.5), Change::None);
    assert_eq!(breaker.may_start(start), Ok(()));
    assert!(breaker.start(), "it is a probe again");
}

#[test]
fn the_breaker_stays_open_for_the_retry_after_of_the_host() {
    let start = Instant::now();
    let mut breaker = away(start);
    assert!(breaker.start());
    let least = Some(Duration::from_secs(90));
    let change = breaker.end(true, Health::Unhealthy { least }, start, 0.5);
    assert_eq!(change, Change::Reopened(Duration::from_secs(90)));
}

/// What can happen to a breaker: time passes, somebody asks, one of the open tries ends.
#[derive(Debug, Clone)]
enum Step {
    Wait(u64),
    Ask,
    End { which: usize, health: Health, jitter: f64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let health = prop_oneof![
        1 => Just(Health::Healthy),
        4 => (0..=300_u64).prop_map(|s| Health::Unhealthy { least: Some(Duration::from_secs(s)) }),
        4 => Just(UNHEALTHY),
        1 => Just(Health::Unknown),
    ];
    let end = (any::<usize>(), health, 0.0..=1.0_f64);
    let step = prop_oneof![
        2 => (0..120_000_u64).prop_map(Step::Wait),
        4 => Just(Step::Ask),
        4 => end.prop_map(|(which, health, jitter)| Step::End { which, health, jitter }),
    ];
    prop::collection::vec(step, 0..200)
}

proptest! {
    #[test]
    fn delays_always_end_and_probes_run_one_by_one(steps in steps()) {
        let mut now = Instant::now();
        let (mut breaker, mut tries) = (Breaker::default(), Vec::new());
        for step in steps {
            match step {
                Step::Wait(ms) => now += Duration::from_millis(ms),
                Step::Ask => match breaker.may_start(now) {
                    Ok(()) => {
                        let was_open = breaker.is_open();
                        let probe = breaker.start();
                        prop_assert_eq!(probe, was_open);
                        prop_assert!(!probe || !tries.contains(&true), "two probes");
                        tries.push(probe);
                    }
                    Err(wait) => {
                        prop_assert!(wait <= RETRY_AFTER_MAX);
                        prop_assert!(!wait.is_zero() || tries.contains(&true));
                    }
                },
                Step::End { which, health, jitter } if !tries.is_empty() => {
                    let probe = tries.remove(which % tries.len());
                    let was_open = breaker.is_open();
                    match breaker.end(probe, health, now, jitter) {
                        Change::Opened(delay) => prop_assert!(!was_open && !delay.is_zero()),
                        Change::Reopened(delay) => prop_assert!(probe && !delay.is_zero()),
                        Change::Closed => prop_assert!(probe && health == Health::Healthy),
                        Change::None => prop_assert_eq!(breaker.is_open(), was_open),
                    }
                }
                Step::End { .. } => {}
            }
        }
    }
}
