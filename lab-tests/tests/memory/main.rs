//! The memory of the released console stays within the limit documented in `--help`, for any telemetry.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "../hostile/console.rs"]
#[expect(dead_code, reason = "more of it is used by the hostile tests")]
mod console;
mod shapes;

use serde_json::Value;

use console::Console;
use shapes::{SHAPES, Shape};

const BUDGET_MIB: u64 = 128;

/// The documented limit: one and a half times `--memory-mib`.
const MEMORY_MIB_MAX: u64 = BUDGET_MIB * 3 / 2;

const PROTOBUF: &str = "application/x-protobuf";

#[cfg_attr(debug_assertions, ignore = "takes minutes where nothing is optimised: make hostile")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_console_never_uses_more_than_one_and_a_half_times_its_budget() {
    let console = Console::start_with(BUDGET_MIB).await;
    if console.memory("VmHWM").is_none() {
        return println!("NOT CHECKED: this system has no /proc/PID/status");
    }
    let mut faults = Vec::new();
    for shape in SHAPES {
        console.forget_peak();
        fill(&console, shape).await;
        read(&console).await;
        // An executable that is not optimised is 30 MiB larger, and its pages count as the process's.
        let executable = console.memory("RssFile").filter(|_| cfg!(debug_assertions));
        let peak = console.peak_mib() - executable.unwrap_or(0);
        println!("MEASURED: {}: at most {peak} MiB; stored {}", shape.name, stored(&console).await);
        if peak >= MEMORY_MIB_MAX {
            faults.push(format!("{}: {peak} MiB", shape.name));
        }
    }
    assert!(faults.is_empty(), "more than {MEMORY_MIB_MAX} MiB:\n{}", faults.join("\n"));
}

async fn fill(console: &Console, shape: &Shape) {
    for number in 0..shape.exports {
        let body = (shape.export)(number);
        let status = console.export(shape.signal, PROTOBUF, "identity", body).await.unwrap();
        assert!(matches!(status, 200 | 400), "{}: {status}", shape.name);
    }
}

/// Requests the stored telemetry from every page and API.
async fn read(console: &Console) {
    for path in ["/", "/metrics", "/api/traces?limit=500", "/api/logs?limit=500", "/api/metrics"] {
        console.get(path).await.unwrap();
    }
    let traces = console.get("/api/traces").await.unwrap();
    let traces: Value = serde_json::from_str(&traces).unwrap();
    if let Some(id) = traces["traces"][0]["trace_id"].as_str() {
        console.get(&format!("/traces/{id}")).await.unwrap();
        console.get(&format!("/api/traces/{id}")).await.unwrap();
    }
}

/// MiB of spans, log lines and series in the store, as reported by the console.
async fn stored(console: &Console) -> String {
    let status = console.get("/api/status").await.unwrap();
    let status: Value = serde_json::from_str(&status).unwrap();
    let mib = |signal: &str| (status[signal]["bytes"].as_u64().unwrap() / 1024 / 1024).to_string();
    ["spans", "logs", "metric_points"].map(mib).join(" + ")
}
