//! Starts a lab, lets it come to rest, and prints the memory of each part. Called by `make memory`.

use std::{fs, time::Duration};

use contract::state::JobState;
use lab_tests::{Client, waybill};
use serde_json::json;
use testkit::LabUnderTest;

/// How long the lab is left alone before it is looked at: measuring an idle lab takes idling.
const IDLE: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() {
    let lab = LabUnderTest::start(&waybill()).await;
    let client = Client::of(&lab);
    let job = json!({"name": "warm-up", "operations": [{"kind": "add", "inputs": [1, 2]}]});
    let accepted = client.submit(&job).await;
    assert_eq!(client.ended(accepted.id, Duration::from_secs(20)).await.state, JobState::Succeeded);
    tokio::time::sleep(IDLE).await;

    println!(
        "MiB, {} s after one job; resident counts shared pages in each part, own splits them",
        IDLE.as_secs()
    );
    println!("{:<12} {:>9} {:>7}", "part", "resident", "own");
    let mut sums = [0.0, 0.0];
    for status in lab.parts() {
        let Some(pid) = status.pid else { continue };
        let memory = ["Rss", "Pss"].map(|line| mib(pid, line));
        println!("{:<12} {:>9.1} {:>7.1}", status.part.to_string(), memory[0], memory[1]);
        sums = [sums[0] + memory[0], sums[1] + memory[1]];
    }
    println!("{:<12} {:>9.1} {:>7.1}", "all", sums[0], sums[1]);
    lab.down().await;
}

/// A line of the kernel's sum over all mappings of a process, in MiB.
fn mib(pid: u32, line: &str) -> f64 {
    let rollup =
        fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("Linux, and the part runs");
    let found = rollup.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(':'));
    let kib = found.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    kib.expect("the kernel names it") / 1024.0
}
