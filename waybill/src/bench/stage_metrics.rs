//! The metrics of the services of a lab.

use client::AdminClient;
use contract::{
    Stage,
    signals::{self, Metric},
};
use lab::embedded::Embedded;
use serde::Serialize;
use trace::openmetrics::Exposition;

/// The route under which jobs are submitted.
const SUBMIT: &str = "/v1/jobs";

/// Mean times of a job at one stage, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct StageTime {
    /// The stage.
    pub(crate) stage: Stage,
    /// Queue wait; the gateway has none.
    pub(crate) wait_ms: f64,
    /// Processing, until its message was acked; at the gateway, until the response.
    pub(crate) work_ms: f64,
}

/// The metrics of every stage at one moment.
pub(super) struct StageMetrics(Vec<(Stage, Exposition)>);

impl StageMetrics {
    /// Queries all stages.
    pub(super) async fn read(lab: &Embedded) -> anyhow::Result<Self> {
        let ports = lab.ports();
        let mut read = Vec::new();
        for (stage, port) in [
            (Stage::Gateway, ports.gateway_admin),
            (Stage::Ingester, ports.ingester_admin),
            (Stage::Processor, ports.processor_admin),
            (Stage::Notifier, ports.notifier_admin),
        ] {
            read.push((stage, AdminClient::new(stage.name(), port)?.metrics().await?));
        }
        Ok(Self(read))
    }

    /// Spans and log lines that they dropped.
    pub(super) fn dropped(&self) -> f64 {
        self.0.iter().map(|(_, metrics)| metrics.sum(signals::TELEMETRY_DROPPED.name)).sum()
    }

    /// The mean times of jobs at each stage since `before`.
    pub(super) fn since(&self, before: &Self) -> Vec<StageTime> {
        let pairs = self.0.iter().zip(&before.0);
        let times = pairs.map(|((stage, now), (_, before))| {
            let mean = |metric: &Metric, route: Option<&str>| {
                let grown = |part| {
                    let name = format!("{}_{part}", metric.name);
                    let sum = |metrics: &Exposition| match route {
                        Some(route) => metrics.sum_with(&name, route),
                        None => metrics.sum(&name),
                    };
                    sum(now) - sum(before)
                };
                grown("sum") / grown("count").max(1.0) * 1e3
            };
            let work_ms = match stage {
                Stage::Gateway => mean(&signals::HTTP_SERVER_REQUEST_DURATION, Some(SUBMIT)),
                _ => mean(&signals::STAGE_DURATION, None),
            };
            StageTime { stage: *stage, wait_ms: mean(&signals::QUEUE_WAIT, None), work_ms }
        });
        times.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "# TYPE http_server_request_duration_seconds histogram\n\
        http_server_request_duration_seconds_sum{http_route=\"/v1/jobs\"} 1\n\
        http_server_request_duration_seconds_count{http_route=\"/v1/jobs\"} 10\n# EOF\n";
    const AFTER: &str = "# TYPE http_server_request_duration_seconds histogram\n\
        http_server_request_duration_seconds_sum{http_route=\"/v1/jobs\"} 3\n\
        http_server_request_duration_seconds_sum{http_route=\"/v1/queues\"} 900\n\
        http_server_request_duration_seconds_count{http_route=\"/v1/jobs\"} 20\n\
        # TYPE waybill_telemetry_dropped counter\n\
        waybill_telemetry_dropped_total{signal=\"spans\"} 4.0 # {trace_id=\"1\"} 1\n\
        # TYPE waybill_telemetry_dropped_totally gauge\nwaybill_telemetry_dropped_totally 7\n# EOF\n";

    #[test]
    fn means_are_those_of_the_jobs_between_two_looks() {
        let at =
            |text: &str| StageMetrics(vec![(Stage::Gateway, Exposition::parse(text).unwrap())]);
        let times = at(AFTER).since(&at(BEFORE));
        let [time] = times[..] else { panic!("one stage: {times:?}") };
        assert_eq!((time.stage, time.work_ms.round().to_string()), (Stage::Gateway, "200".into()));
        assert_eq!(at(AFTER).dropped().to_string(), "4");
    }
}
