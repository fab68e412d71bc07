//! Starts a lab of a given executable, lets it idle, and prints the memory of each part: `make memory`.

use std::{fs, path::Path, time::Duration};

use contract::state::JobState;
use lab_tests::Client;
use serde_json::json;
use testkit::LabUnderTest;

/// Idle time before the measurement.
const IDLE: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() {
    let waybill = std::env::args_os().nth(1).expect("the path of the executable to measure");
    let lab = LabUnderTest::start(Path::new(&waybill)).await;
    let client = Client::of(&lab);
    let job = json!({"name": "warm-up", "operations": [{"kind": "add", "inputs": [1, 2]}]});
    let accepted = client.submit(&job).await;
    assert_eq!(client.ended(accepted.id, Duration::from_secs(20)).await.state, JobState::Succeeded);
    tokio::time::sleep(IDLE).await;

    println!("MiB, {} s after one job", IDLE.as_secs());
    println!(
        "anonymous: private heap and stacks; share: with shared pages divided among the processes;"
    );
    println!("resident: with the pages of the shared executable counted in full for every part");
    println!("{:<12} {:>9} {:>9} {:>9}", "part", "anonymous", "share", "resident");
    let mut sums = [0.0; 3];
    for status in lab.parts() {
        let Some(pid) = status.pid else { continue };
        let memory = ["Anonymous", "Pss", "Rss"].map(|line| mib(pid, line));
        print(&status.part.to_string(), memory);
        sums = std::array::from_fn(|n| sums[n] + memory[n]);
    }
    print("all", sums);
    lab.down().await;
}

fn print(part: &str, [anonymous, share, resident]: [f64; 3]) {
    println!("{part:<12} {anonymous:>9.1} {share:>9.1} {resident:>9.1}");
}

/// A line of the kernel's sum over all mappings of a process, in MiB.
fn mib(pid: u32, line: &str) -> f64 {
    let rollup =
        fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("Linux, and the part runs");
    let found = rollup.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(':'));
    let kib = found.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    kib.expect("the kernel names it") / 1024.0
}
