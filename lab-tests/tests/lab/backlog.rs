//! A long queue is felt by nobody who submits, lists or reads. `make backlog` asks the same of ten times as many jobs.

use lab_tests::{
    backlog::{Options, run},
    waybill,
};

#[tokio::test]
async fn twenty_thousand_waiting_jobs_slow_nobody_down() {
    let report = run(&Options { waybill: waybill(), jobs: 20_000, samples: 200 }).await;
    println!("{report}");
    assert!(report.waiting >= 20_000 && report.is_flat_by_median(), "{report}");
}
