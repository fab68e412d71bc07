//! `WAYBILL_TRACE_CONTEXT` changes only the relations of spans: baggage and faults pass through all stages.

use std::{collections::BTreeMap, time::Duration};

use async_nats::Message;
use contract::state::JobState;
use futures_util::StreamExt as _;
use lab_tests::{Client, TraceUnderTest, waybill};
use reqwest::StatusCode;
use serde_json::json;
use testkit::{LabUnderTest, eventually};

const LIMIT: Duration = Duration::from_secs(30);
/// A fault for every stage behind the gateway; the processor's is that of the preset `flaky`.
const FAULTS: &str = "ingester=error@1;processor=error@2;notifier=error@1";

async fn lab_in(mode: &str) -> LabUnderTest {
    LabUnderTest::start_with(&waybill(), |options| {
        options.env.push(("WAYBILL_TRACE_CONTEXT".into(), mode.into()));
        options.env.push(("WAYBILL_ACK_WAIT_SECONDS".into(), "2".into()));
    })
    .await
}

/// The members of a message's baggage, decoded, in order.
fn baggage_of(message: &Message) -> Vec<String> {
    let header = message.headers.as_ref().and_then(|headers| headers.get("baggage"));
    let members = header.map_or("", async_nats::HeaderValue::as_str);
    let decoded = members.replace("%3D", "=").replace("%3B", ";").replace("%40", "@");
    let mut members: Vec<String> = decoded.split(',').map(str::to_owned).collect();
    members.sort_unstable();
    members
}

/// The next message of every subject in `wanted`, in any order.
async fn one_of_each(
    jobs: &mut async_nats::Subscriber,
    wanted: &[&str],
) -> BTreeMap<String, Vec<String>> {
    let mut seen = BTreeMap::new();
    let all = async {
        while let Some(message) = jobs.next().await {
            let subject = message.subject.to_string();
            if wanted.contains(&subject.as_str()) {
                seen.insert(subject, baggage_of(&message));
            }
            if seen.len() == wanted.len() {
                return;
            }
        }
    };
    assert!(tokio::time::timeout(LIMIT, all).await.is_ok(), "only {seen:?} of {wanted:?}");
    seen
}

async fn check_baggage_in_all_stages(mode: &str) {
    let lab = lab_in(mode).await;
    let client = Client::of(&lab);
    let nats = async_nats::connect(lab.nats_url()).await.expect("the broker runs");
    let mut jobs = nats.subscribe("jobs.>").await.expect("it takes subscriptions");
    nats.flush().await.expect("it does");
    let job = json!({"name": "flaky", "operations": [{"kind": "add", "inputs": [1, 2]}]});
    let headers = [("waybill-fault", FAULTS), ("baggage", "waybill.scenario=flaky,user=alice")];
    let accepted = client.submit_with(&job, &headers).await;

    let subjects = ["jobs.submitted.add", "jobs.todo.add", "jobs.done.succeeded"];
    let expected = vec![format!("waybill.fault={FAULTS}"), "waybill.scenario=flaky".to_owned()];
    for (subject, baggage) in one_of_each(&mut jobs, &subjects).await {
        assert_eq!(baggage, expected, "{subject} in mode {mode}");
    }
    let ended = client.ended(accepted.id, LIMIT).await;
    assert_eq!((ended.state, ended.attempts), (JobState::Succeeded, 3), "mode {mode}");
    check_that_every_fault_fired(&lab, &client).await;
    check_span_relations(&client, &accepted.trace_id, mode).await;
}

/// A fault fires before the work: the attempt's verdict is counted as a retry.
async fn check_that_every_fault_fired(lab: &LabUnderTest, client: &Client) {
    let ports = lab.ports();
    let stages = [
        ("ingester", ports.ingester_admin, 1.0),
        ("processor", ports.processor_admin, 2.0),
        ("notifier", ports.notifier_admin, 1.0),
    ];
    for (stage, admin, faults) in stages {
        let series = format!(r#"waybill_attempts_total{{stage="{stage}",verdict="retry"}}"#);
        eventually(LIMIT, &format!("the faults of {stage}"), async || {
            let retries = client.metric(admin, &series).await;
            if retries == Some(faults) { Ok(()) } else { Err(retries) }
        })
        .await;
    }
}

async fn check_span_relations(client: &Client, trace_id: &str, mode: &str) {
    let consumer = "process jobs.submitted.add";
    if mode == "link" {
        let (trace, ()) = client
            .trace_where(trace_id, LIMIT, |trace| {
                trace.only("publish jobs.submitted.add").map(drop)
            })
            .await;
        assert!(trace.named(consumer).next().is_none(), "each stage starts its own trace\n{trace}");
        return;
    }
    let (trace, ()) = client
        .trace_where(trace_id, LIMIT, |trace| {
            trace.only("process jobs.done.succeeded").map(drop).or_else(|_| {
                // With its fault the notifier handles the message twice.
                if trace.named("process jobs.done.succeeded").count() == 2 {
                    Ok(())
                } else {
                    Err("no notifier yet".to_owned())
                }
            })
        })
        .await;
    let producer = trace.the("publish jobs.submitted.add");
    for span in trace.named(consumer) {
        assert!(span.is_child_of(producer), "{trace}");
        assert_eq!(span.links_to(producer), mode == "both", "{trace}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn baggage_and_faults_pass_through_all_stages_with_parent_and_link() {
    check_baggage_in_all_stages("both").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn baggage_and_faults_pass_through_all_stages_with_parents_only() {
    check_baggage_in_all_stages("parent").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn baggage_and_faults_pass_through_all_stages_with_links_only() {
    check_baggage_in_all_stages("link").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redrive_with_links_only_keeps_the_baggage_of_the_client() {
    let lab = lab_in("link").await;
    let client = Client::of(&lab);
    let nats = async_nats::connect(lab.nats_url()).await.expect("the broker runs");
    let mut jobs = nats.subscribe("jobs.>").await.expect("it takes subscriptions");
    nats.flush().await.expect("it does");
    let job = json!({"name": "poison", "attempts_max": 1, "operations": [{"kind": "add", "inputs": [1, 2]}]});
    let headers = [("waybill-fault", "processor=error"), ("baggage", "waybill.scenario=poison")];
    let accepted = client.submit_with(&job, &headers).await;
    let dead = one_of_each(&mut jobs, &["jobs.dead.processor", "jobs.done.dead"]).await;
    let expected = ["waybill.fault=processor=error", "waybill.scenario=poison"];
    for (subject, baggage) in dead {
        assert_eq!(baggage, expected, "{subject}");
    }

    let ended = client.ended(accepted.id, LIMIT).await;
    assert_eq!(ended.state, JobState::Dead);
    let dead_letter = ended.dead_letter.expect("a dead job has a dead letter");
    let (status, body) = client.order(&format!("dead-letters/{dead_letter}/redrive"), None).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{body}");
    let again = one_of_each(&mut jobs, &["jobs.todo.add", "jobs.done.succeeded"]).await;
    for (subject, baggage) in again {
        assert_eq!(baggage, ["waybill.scenario=poison"], "{subject}");
    }
}
