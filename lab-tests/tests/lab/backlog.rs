//! A long queue does not slow down submitting, listing and reading. `make backlog` measures ten times as many jobs.

use lab_tests::{
    backlog::{BacklogOptions, run},
    waybill,
};

#[tokio::test]
async fn twenty_thousand_waiting_jobs_do_not_slow_down_requests() {
    let report = run(&BacklogOptions { waybill: waybill(), jobs: 20_000, samples: 200 }).await;
    println!("{report}");
    assert!(report.waiting >= 20_000 && report.is_flat_by_median(), "{report}");
}
