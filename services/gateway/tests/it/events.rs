//! Raw events: taken as they are, if they are events at all and do not pretend.

use contract::api::EventAccepted;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::rig::{Rig, problem};

fn event() -> Value {
    json!({
        "specversion": "1.0", "id": "7", "source": "/shop/eu", "type": "com.example.sold",
        "subject": "order 7", "time": "2026-11-21T10:00:00Z", "data": {"n": [1, "\u{e4}"]},
        "newer": true,
    })
}

fn with(field: &str, value: Value) -> String {
    let mut event = event();
    event[field] = value;
    event.to_string()
}

#[tokio::test]
async fn any_event_is_taken_under_its_own_name() {
    let rig = Rig::start().await;
    for media in ["application/cloudevents+json; charset=utf-8", "application/json"] {
        let post = rig.http.post(format!("{}/v1/events", rig.api)).header("content-type", media);
        let answer = post.body(event().to_string()).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        let taken: EventAccepted = answer.json().await.unwrap();
        assert_eq!((taken.event_id.as_str(), taken.source.as_str()), ("7", "/shop/eu"));
        assert_eq!(taken.trace_id.len(), 32);
    }
    // The second was the same event.
    assert_eq!(rig.submitted().await.messages, 1);
    assert_eq!(rig.metric(r#"waybill_jobs_submitted_total{kind="event"}"#), Some(1.0));
    let message = rig.last_submitted().await;
    let header = |name| message.headers.get(name).unwrap().as_str();
    assert_eq!(message.subject.as_str(), "jobs.submitted.event");
    assert_eq!(header("Nats-Msg-Id").len(), 64);
    assert_eq!(header("ce-id"), "7");
    assert_eq!(header("ce-source"), "/shop/eu");
    assert_eq!(header("ce-type"), "com.example.sold");
    assert_eq!(header("ce-subject"), "order 7");
    assert_eq!(header("ce-time"), "2026-11-21T10:00:00Z");
    assert!(header("traceparent").starts_with("00-"));
    let data: Value = serde_json::from_slice(&message.payload).unwrap();
    assert_eq!(data, event()["data"]);
    assert_eq!(rig.messages_in("JOBS").await, 0);
}

#[tokio::test]
async fn events_of_other_sources_or_ids_are_other_events() {
    let rig = Rig::start().await;
    for (source, id) in [("/a", "bc"), ("/ab", "c"), ("/a", "b")] {
        let mut event = event();
        (event["source"], event["id"]) = (json!(source), json!(id));
        let answer = rig.post("/v1/events", event.to_string()).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
    }
    assert_eq!(rig.submitted().await.messages, 3);
}

#[tokio::test]
async fn an_invalid_event_or_one_with_a_source_of_the_lab_is_refused() {
    let rig = Rig::start().await;
    let long = "x".repeat(513);
    let cases = [
        ("[]".to_owned(), "body: "),
        (json!({"specversion": "1.0"}).to_string(), "missing field"),
        (with("specversion", json!("0.3")), "specversion: "),
        (with("id", json!("")), "id: "),
        (with("id", json!(7)), "id: "),
        (with("id", json!("a\nb")), "id: "),
        (with("type", json!(long)), "type: "),
        (with("source", json!("/\u{e4}")), "source: "),
        (with("source", json!("/waybill/gateway")), "source: "),
        (with("source", json!(" /waybill/gateway")), "source: "),
        (with("subject", json!("019a0000-0000-7000-8000-000000000000")), "subject: "),
        (with("time", json!("yesterday")), "time: "),
        (json!({"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data_base64": "AA=="}).to_string(), "data_base64: "),
    ];
    for (body, detail) in cases {
        let refused =
            problem(rig.post("/v1/events", body.clone()).send().await.unwrap(), 400).await;
        assert!(refused.detail.contains(detail), "{body:.80}: {}", refused.detail);
    }
    for media in ["text/plain", "application/cloudevents-batch+json"] {
        let post = rig.http.post(format!("{}/v1/events", rig.api)).header("content-type", media);
        problem(post.body(event().to_string()).send().await.unwrap(), 415).await;
    }
    // A short number can become a long one.
    let grows = format!("[{}]", vec!["1e15"; 40_000].join(","));
    let grows = with("data", json!("@")).replace(r#""@""#, &grows);
    problem(rig.post("/v1/events", grows).send().await.unwrap(), 413).await;
    rig.holds_nothing().await;
}
