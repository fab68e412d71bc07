//! The console's searches and look-ups on telemetry from the collector.

use lab_tests::{
    Client,
    searches::{SearchedJobs, check_all},
};
use tokio::task::block_in_place;

use crate::{
    backends::Backends,
    docker::{FullLab, Shape},
};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker and the images: make compose-test"]
async fn every_search_and_look_up_of_the_console_finds_telemetry_from_the_collector() {
    let lab = FullLab::started(Shape::with(1)).await;
    let parts = block_in_place(|| Backends::of(&lab));
    let client = Client::at(&parts.gateway, &parts.console);
    // The address of the console for the notifier.
    let jobs = SearchedJobs::run(&client, "http://console:8090").await;
    check_all(&client, &jobs).await;
}
