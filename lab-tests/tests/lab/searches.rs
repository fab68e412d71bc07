//! The console's searches and look-ups on the telemetry of jobs that ran in an embedded lab.

use lab_tests::{
    Client,
    searches::{SearchedJobs, check_all},
    waybill,
};
use testkit::LabUnderTest;

#[tokio::test(flavor = "multi_thread")]
async fn every_search_and_look_up_of_the_console_finds_exactly_what_it_should() {
    let lab = LabUnderTest::start_with(&waybill(), |options| {
        options.env.push(("WAYBILL_ACK_WAIT_SECONDS".into(), "2".into()));
    })
    .await;
    let client = Client::of(&lab);
    let jobs = SearchedJobs::run(&client, &lab.console_url()).await;
    check_all(&client, &jobs).await;
}
