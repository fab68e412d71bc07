//! The charts of the page. A new chart is an entry of the table.

use contract::signals::{
    ATTEMPTS, IN_FLIGHT, JOBS_FINISHED, QUEUE_DEPTH, QUEUE_OLDEST_AGE, QUEUE_WAIT, SLOTS,
    STAGE_DURATION, TELEMETRY_DROPPED,
};

use super::chart::{Chart, ChartData, ChartEntry, TimeWindow};
use super::lines;
use super::unit::ChartUnit;
use crate::store::Store;

/// All charts, in the order of the page.
const CHARTS: &[ChartEntry] = &[
    ChartEntry {
        id: "finished",
        title: "Jobs finished",
        look_for: "All green is good. Failed jobs had an operation that failed for good; dead ones have a dead letter to redrive or delete.",
        unit: ChartUnit::PerSecond,
        data: ChartData::Rates {
            metric: &JOBS_FINISHED,
            label: "outcome",
            tone: |outcome| match outcome {
                "succeeded" => "good",
                "failed" => "warn",
                "dead" => "bad",
                _ => "violet",
            },
        },
    },
    ChartEntry {
        id: "attempts",
        title: "Attempts by verdict",
        look_for: "Everything but done is a problem: retry is a failed attempt, lost is a run whose worker was lost.",
        unit: ChartUnit::PerSecond,
        data: ChartData::Rates {
            metric: &ATTEMPTS,
            label: "verdict",
            tone: |verdict| match verdict {
                "done" => "good",
                "retry" => "warn",
                "reject" | "dead" => "bad",
                "lost" => "lost",
                "fenced" => "violet",
                _ => "plain",
            },
        },
    },
    ChartEntry {
        id: "queue-wait",
        title: "Queue wait, p50 and p95",
        look_for: "A queue wait that grows while attempts do not take longer: too few slots, or a worker that hangs. Each dot links to a trace.",
        unit: ChartUnit::Duration,
        data: ChartData::Percentiles { metric: &QUEUE_WAIT },
    },
    ChartEntry {
        id: "stage-duration",
        title: "Attempt duration, p50 and p95",
        look_for: "A stage that gets slower, or dots far above its line: open one to see which span took the time.",
        unit: ChartUnit::Duration,
        data: ChartData::Percentiles { metric: &STAGE_DURATION },
    },
    ChartEntry {
        id: "depth",
        title: "Queue depth",
        look_for: "Near zero while stages keep up. A rising line shows a stage that does not; DEAD holds dead letters until you redrive or delete them.",
        unit: ChartUnit::Messages,
        data: ChartData::Queues { metric: &QUEUE_DEPTH, only_consumed: false },
    },
    ChartEntry {
        id: "oldest",
        title: "Age of the oldest message",
        look_for: "A straight rise: the oldest message is not settled. Its stage is down, or one long job holds it.",
        unit: ChartUnit::Seconds,
        data: ChartData::Queues { metric: &QUEUE_OLDEST_AGE, only_consumed: true },
    },
    ChartEntry {
        id: "slots",
        title: "Slots in use",
        look_for: "At 100 % a stage is at its limit and its queue grows: add workers. At 0 % with messages in the queue it does not pull.",
        unit: ChartUnit::Percent,
        data: ChartData::Share { part: &IN_FLIGHT, whole: &SLOTS },
    },
    ChartEntry {
        id: "dropped",
        title: "Telemetry dropped",
        look_for: "Should be zero. Otherwise jobs still run, but traces and logs of that time are incomplete.",
        unit: ChartUnit::PerSecond,
        data: ChartData::Rates {
            metric: &TELEMETRY_DROPPED,
            label: "signal",
            tone: |signal| match signal {
                "spans" => "bad",
                "logs" => "warn",
                _ => "violet",
            },
        },
    },
];

/// All charts with their current data.
pub(super) fn all(store: &Store) -> Vec<Chart> {
    let window = TimeWindow::until(store.now());
    CHARTS.iter().map(|entry| lines::chart(entry, store, window.clone())).collect()
}
