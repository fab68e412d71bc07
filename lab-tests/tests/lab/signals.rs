//! Metrics with exemplars, and jobs that are not sampled.

use std::time::Duration;

use contract::{Stage, signals, state::JobState};
use lab::Part;
use lab_tests::{Client, waybill};
use openmetrics_parser::openmetrics::parse_openmetrics;
use serde_json::json;
use testkit::{LabUnderTest, eventually};

const LIMIT: Duration = Duration::from_secs(20);

/// The parser wrongly rejects units of histograms.
fn without_histogram_units(text: &str) -> String {
    let of_histogram = |line: &str| {
        let name = line.strip_prefix("# UNIT ").and_then(|rest| rest.split(' ').next());
        name.is_some_and(|name| text.contains(&format!("# TYPE {name} histogram")))
    };
    let kept: Vec<&str> = text.lines().filter(|line| !of_histogram(line)).collect();
    kept.join("\n") + "\n"
}

#[tokio::test(flavor = "multi_thread")]
async fn every_service_exposes_openmetrics_with_exemplars_of_the_job() {
    let lab = LabUnderTest::start(&waybill()).await;
    let client = Client::of(&lab);
    let accepted = client
        .submit(&json!({"name": "seen", "operations": [{"kind": "add", "inputs": [1, 2]}]}))
        .await;
    assert_eq!(client.ended(accepted.id, LIMIT).await.state, JobState::Succeeded);
    let ports = lab.ports();
    let services = [
        (Stage::Gateway, ports.gateway_admin, &signals::HTTP_SERVER_REQUEST_DURATION),
        (Stage::Ingester, ports.ingester_admin, &signals::STAGE_DURATION),
        (Stage::Processor, ports.processor_admin, &signals::JOB_DURATION),
        (Stage::Notifier, ports.notifier_admin, &signals::STAGE_DURATION),
    ];
    for (stage, admin, metric) in services {
        let exemplar = format!("trace_id=\"{}\"", accepted.trace_id);
        let text =
            eventually(LIMIT, &format!("an exemplar of {} at {stage}", metric.name), async || {
                let text = client.metrics(admin).await.ok_or("no answer")?;
                let found = text
                    .lines()
                    .any(|line| line.starts_with(metric.name) && line.contains(&exemplar));
                if found { Ok(text) } else { Err("no exemplar yet") }
            })
            .await;
        let read = parse_openmetrics(&without_histogram_units(&text));
        let families = read.unwrap_or_else(|error| panic!("{stage}: {error:?}")).families;
        assert!(families.contains_key(metric.name), "{stage} has {}", metric.name);
        assert!(families.contains_key("process_resident_memory_bytes"), "{stage}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_not_sampled_succeeds_and_has_a_trace_id_but_no_spans() {
    let lab = LabUnderTest::start_with(&waybill(), |options| {
        options.env.push(("OTEL_TRACES_SAMPLER".into(), "parentbased_always_off".into()));
    })
    .await;
    let client = Client::of(&lab);
    let job = json!({"name": "unseen", "operations": [{"kind": "add", "inputs": [1, 2]}]});
    let accepted = client.submit_with(&job, &[("waybill-fault", "processor=error@1")]).await;
    let ended = client.ended(accepted.id, LIMIT).await;
    assert_eq!(
        (ended.state, ended.attempts, &ended.trace_id),
        (JobState::Succeeded, 2, &accepted.trace_id)
    );
    // Log lines have the trace id; once the last one has arrived, spans would have arrived too.
    eventually(LIMIT, "the notifier's log line", async || {
        let lines = client.log_lines(&accepted.trace_id).await?;
        lines.iter().any(|line| line == "notifier").then_some(())
    })
    .await;
    assert!(client.trace(&accepted.trace_id).await.is_none(), "no span was exported");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_depth_and_age_of_a_queue_are_measured_while_its_stage_is_down() {
    let lab = LabUnderTest::start(&waybill()).await;
    let client = Client::of(&lab);
    lab.stop(Part::Processor(1)).await.expect("the processor runs");
    let job = json!({"name": "waits", "operations": [{"kind": "add", "inputs": [1, 2]}]});
    for _ in 0..3 {
        client.submit(&job).await;
    }
    let series = |metric: &signals::Metric| {
        format!("{}{{consumer=\"processor\",stream=\"TODO\"}}", metric.name)
    };
    let admin = lab.ports().gateway_admin;
    eventually(LIMIT, "three waiting jobs in the metrics", async || {
        let depth = client.metric(admin, &series(&signals::QUEUE_DEPTH)).await;
        let age = client.metric(admin, &series(&signals::QUEUE_OLDEST_AGE)).await;
        if depth == Some(3.0) && age > Some(0.0) { Ok(()) } else { Err((depth, age)) }
    })
    .await;
}
