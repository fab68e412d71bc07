//! The chaos run of CI: every kind of fault at least once, while 5,000 jobs are submitted.

mod silent;

use std::time::Duration;

use lab_tests::{
    chaos::{self, ChaosOptions, schedule::FAULT_KINDS},
    waybill,
};
use testkit::Seed;

const JOBS: usize = 5_000;
/// Highest rate, in jobs per second.
const RATE: f64 = 20.0;
/// Short, so that every kind of fault fits into a few minutes. `make chaos` uses the default of the lab.
const ACK_WAIT: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn no_job_is_lost_or_duplicated_by_any_kind_of_fault() {
    let Seed(seed) = Seed::pick();
    let options =
        ChaosOptions { waybill: waybill(), seed, jobs: JOBS, rate: RATE, ack_wait: ACK_WAIT };
    let report = chaos::run(&options).await;
    println!("{report}");
    assert!(report.is_clean(), "repeat with WAYBILL_TEST_SEED={seed}");
    assert!(report.findings.accepted >= JOBS);
    assert_eq!(report.kinds().len(), FAULT_KINDS, "every kind injected: {:?}", report.kinds());
}
