//! Failures of what the lab depends on: telemetry target, clients, broker.

use std::{process::Stdio, time::Duration};

use contract::{signals, state::JobState};
use lab::Part;
use lab_tests::{Client, waybill};
use serde_json::json;
use testkit::{LabUnderTest, NatsServer, OtlpSink, SinkMode, eventually};
use tokio::process::Command;

const LIMIT: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_telemetry_target_that_never_responds_only_raises_the_counter_of_dropped_spans() {
    let sink = OtlpSink::start().await;
    sink.set_mode(SinkMode::Hanging);
    let lab = LabUnderTest::start_with(&waybill(), |options| {
        options.otlp_endpoint = Some(sink.endpoint());
    })
    .await;
    let client = Client::of(&lab);
    for n in 0..20 {
        let accepted = client
            .submit(&json!({"name": "dark", "operations": [{"kind": "add", "inputs": [n, 1]}]}))
            .await;
        assert_eq!(client.ended(accepted.id, LIMIT).await.state, JobState::Succeeded);
    }
    let series = format!("{}{{signal=\"spans\"}}", signals::TELEMETRY_DROPPED.name);
    eventually(Duration::from_secs(40), "dropped spans to be counted", async || {
        client.metric(lab.ports().gateway_admin, &series).await.is_some_and(|dropped| dropped > 0.0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_and_foreign_messages_become_dead_letters_and_the_loop_continues() {
    let lab = LabUnderTest::start(&waybill()).await;
    let client = Client::of(&lab);
    let nats = async_nats::connect(lab.nats_url()).await.expect("the broker takes connections");
    let mut headers = async_nats::HeaderMap::new();
    for (name, value) in
        [("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-type", "dev.waybill.job.submitted")]
    {
        headers.insert(name, value);
    }
    let mut foreign = headers.clone();
    foreign.insert("ce-source", "/somebody/else");
    headers.insert("ce-source", "/demo/shop");
    nats.publish("jobs.submitted.event", b"\xff\xfe no headers".as_slice().into()).await.unwrap();
    nats.publish_with_headers("jobs.submitted.event", headers, b"{ not json".as_slice().into())
        .await
        .unwrap();
    nats.publish_with_headers("jobs.submitted.event", foreign, b"{}".as_slice().into())
        .await
        .unwrap();
    nats.publish("jobs.todo.add", b"not a job".as_slice().into()).await.unwrap();
    nats.publish("jobs.done.succeeded", b"not an end".as_slice().into()).await.unwrap();
    nats.flush().await.unwrap();

    let dead_letters = eventually(LIMIT, "four dead letters", async || {
        let dead_letters = client.dead_letters().await.dead_letters;
        if dead_letters.len() == 4 { Ok(dead_letters) } else { Err(dead_letters) }
    })
    .await;
    let mut stages: Vec<_> = dead_letters
        .iter()
        .map(|dead_letter| (dead_letter.stage.as_str(), dead_letter.reason.as_str()))
        .collect();
    stages.sort_unstable();
    let malformed = |stage| (stage, "malformed");
    assert_eq!(
        stages,
        [
            malformed("ingester"),
            malformed("ingester"),
            malformed("notifier"),
            malformed("processor")
        ]
    );
    let series = format!("{}{{reason=\"unknown_source\"}}", signals::EVENTS_DISCARDED.name);
    assert_eq!(client.metric(lab.ports().ingester_admin, &series).await, Some(1.0));
    let accepted = client
        .submit(&json!({"name": "after", "operations": [{"kind": "add", "inputs": [1, 1]}]}))
        .await;
    assert_eq!(client.ended(accepted.id, LIMIT).await.state, JobState::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn services_are_unready_while_the_broker_is_down() {
    let lab = LabUnderTest::start(&waybill()).await;
    let client = Client::of(&lab);
    lab.stop(Part::Nats).await.expect("the broker runs");
    let ready = |admin: u16| async move {
        let answer = reqwest::get(format!("http://127.0.0.1:{admin}/readyz")).await;
        answer.map(|answer| answer.status().as_u16()).map_err(|error| error.to_string())
    };
    let ports = lab.ports();
    let admins =
        [ports.gateway_admin, ports.ingester_admin, ports.processor_admin, ports.notifier_admin];
    for admin in admins {
        eventually(LIMIT, "a service to be unready", async || {
            if ready(admin).await == Ok(503) { Ok(()) } else { Err(ready(admin).await) }
        })
        .await;
    }
    lab.start(Part::Nats).await.expect("the broker starts again");
    for admin in admins {
        eventually(LIMIT, "a service to be ready", async || {
            if ready(admin).await == Ok(200) { Ok(()) } else { Err(ready(admin).await) }
        })
        .await;
    }
    let accepted = client
        .submit(&json!({"name": "after", "operations": [{"kind": "add", "inputs": [1, 1]}]}))
        .await;
    assert_eq!(client.ended(accepted.id, LIMIT).await.state, JobState::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_starts_before_its_broker_is_ready_once_the_broker_is() {
    let mut nats = NatsServer::start().await;
    let admin = nats.spare_ports().next().expect("a port is spare");
    nats.kill().await;
    let mut ingester = Command::new(waybill());
    ingester.args([
        "ingester",
        "--nats-url",
        &nats.url(),
        "--admin-bind",
        &format!("127.0.0.1:{admin}"),
    ]);
    let _running = ingester.kill_on_drop(true).stdout(Stdio::null()).spawn().expect("it starts");
    let readiness = async || {
        let answer = reqwest::get(format!("http://127.0.0.1:{admin}/readyz"))
            .await
            .map_err(|error| error.to_string())?;
        Ok::<_, String>((answer.status().as_u16(), answer.text().await.unwrap_or_default()))
    };
    eventually(LIMIT, "the readiness response to name the broker", async || {
        match readiness().await {
            Ok((503, body)) if body.contains("waiting for the broker") => Ok(()),
            other => Err(other),
        }
    })
    .await;
    nats.restart().await;
    let made = Command::new(waybill())
        .args(["topology", "apply", "--nats-url", &nats.url()])
        .output()
        .await;
    assert!(made.expect("it runs").status.success());
    eventually(LIMIT, "the service to be ready", async || match readiness().await {
        Ok((200, _)) => Ok(()),
        other => Err(other),
    })
    .await;
}
