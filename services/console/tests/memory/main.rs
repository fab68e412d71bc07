//! The store's budget is what the process takes, within half as much again, whatever shape the telemetry has.
//!
//! In a process of its own: it measures itself, the sender included.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod shapes;

use std::fs;

use console::{Config, Running};
use contract::signals::METRICS;
use reqwest::Client;
use serde_json::Value;
use service::clock::Clock;
use telemetry::Metrics;
use tokio_util::sync::CancellationToken;

use shapes::SHAPES;

const BUDGET_MIB: usize = 128;

/// Exports of each shape: enough to fill the store of its signal, as exports of four to eight MiB.
const EXPORTS: u64 = 24;

/// Memory of this process in MiB, as the system counts it: now, and at most.
fn memory(what: &str) -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(what))?;
    let kib: usize = line.trim_start_matches(':').trim().split(' ').next()?.parse().ok()?;
    Some(kib / 1024)
}

async fn send(client: &Client, running: &Running, signal: &str, body: Vec<u8>) {
    let url = format!("http://{}/v1/{signal}", running.otlp_http);
    let request = client.post(url).header("content-type", "application/x-protobuf").body(body);
    let answer = request.send().await.unwrap();
    assert!(matches!(answer.status().as_u16(), 200 | 400), "{}", answer.text().await.unwrap());
}

async fn get(client: &Client, running: &Running, path: &str) -> String {
    let answer = client.get(format!("http://{}{path}", running.console)).send().await.unwrap();
    answer.text().await.unwrap()
}

// Not with the system's allocator yet: after spans of 250 KB it holds 251 MiB for a budget of 128.
#[ignore = "large spans leave holes in the system allocator's memory; run it with --ignored --nocapture"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_budget_is_what_the_process_takes_whatever_comes() {
    if memory("VmRSS").is_none() {
        return println!("NOT CHECKED: this system has no /proc/self/status");
    }
    let config = Config { memory_mib: BUDGET_MIB, ..Config::on_free_ports() };
    let metrics = Metrics::new(METRICS, None, Clock::new().offset());
    let running = console::start(config, metrics, CancellationToken::new()).await.unwrap();
    let client = Client::builder().no_proxy().build().unwrap();
    for (name, signal, shape) in SHAPES {
        for number in 0..EXPORTS {
            send(&client, &running, signal, shape(number)).await;
        }
        for path in
            ["/", "/metrics", "/api/traces?limit=500", "/api/logs?limit=500", "/api/metrics"]
        {
            get(&client, &running, path).await;
        }
        let traces: Value =
            serde_json::from_str(&get(&client, &running, "/api/traces").await).unwrap();
        if let Some(id) = traces["traces"][0]["trace_id"].as_str() {
            get(&client, &running, &format!("/traces/{id}")).await;
            get(&client, &running, &format!("/api/traces/{id}")).await;
        }
        let status: Value =
            serde_json::from_str(&get(&client, &running, "/api/status").await).unwrap();
        let bytes = |signal: &str| status[signal]["bytes"].as_u64().unwrap() / 1024 / 1024;
        let (now, peak) = (memory("VmRSS").unwrap(), memory("VmHWM").unwrap());
        println!(
            "{name}: {now} MiB, at most {peak}; stored {} + {} + {}",
            bytes("spans"),
            bytes("logs"),
            bytes("metric_points"),
        );
        assert!(peak < BUDGET_MIB * 3 / 2, "{name}: {peak} MiB of {BUDGET_MIB}");
    }
}
