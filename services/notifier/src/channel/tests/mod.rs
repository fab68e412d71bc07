//! Webhooks as their receivers, and their traces, see them.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use contract::{completion::CompletionEvent, record::JobFailure, state::Outcome};
use reqwest::header::HeaderMap;
use runtime::names::NamesConfig;
use serde_json::{Value, json};

use super::*;

mod addresses;
mod receiver;
mod rude;
mod spans;
mod tls;

use receiver::Receiver;

const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEW_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
/// A time a receiver would take for now.
const SENT_AT_S: u64 = 1_795_000_009;

fn done(outcome: Outcome) -> CompletionEvent {
    serde_json::from_value(json!({
        "id": "019a0000-0000-7000-8000-000000000000",
        "round": 2,
        "name": "night \"batch\" ⚙",
        "operations": [{"kind": "wait", "seconds": 0}],
        "accepted_at_ms": 1_795_000_000_000_i64,
        "outcome": outcome,
        "finished_at_ms": 1_795_000_008_123_i64,
        "run": "2.1.0",
    }))
    .unwrap()
}

fn config(allow: &str) -> WebhookConfig {
    WebhookConfig {
        webhook_secret: None,
        webhook_allow: allow.parse().unwrap(),
        names: NamesConfig::default(),
        webhook_ca_file: None,
        webhook_timeout_ms: 5_000,
        webhook_age_max_seconds: 60,
    }
}

/// Hosts of a worker with eight slots.
fn hosts() -> Arc<Hosts> {
    Hosts::new(8, |_| ())
}

fn channel(config: &WebhookConfig) -> Webhook {
    Webhook::new(config, hosts()).unwrap()
}

fn sent_at() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(SENT_AT_S)
}

async fn send(webhook: &Webhook, url: &str) -> Sent {
    spans::record();
    let done = done(Outcome::Succeeded);
    let notification = Notification { done: &done, trace_id: TRACE_ID };
    let sent = webhook.send(url, &notification, sent_at());
    tokio::time::timeout(receiver::LIMIT, sent).await.expect("a webhook has a limit")
}

async fn send_to(receiver: &Receiver) -> Sent {
    let webhook = channel(&config(&receiver.authority()));
    send(&webhook, &receiver.url("/hook?token=s3cret")).await
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_webhook_has_the_job_its_outcome_and_its_trace() {
    let mut receiver = Receiver::answering(200, &[]).await;
    assert_eq!(send_to(&receiver).await, Sent::Delivered { status: 200 });
    let (headers, body) = receiver.next().await;
    assert_eq!(header(&headers, "content-type"), Some("application/json"));
    assert_eq!(
        header(&headers, "webhook-id"),
        Some("019a0000-0000-7000-8000-000000000000:2:succeeded")
    );
    let timestamp = SENT_AT_S.to_string();
    assert_eq!(header(&headers, "webhook-timestamp"), Some(timestamp.as_str()));
    assert_eq!(header(&headers, "webhook-signature"), None);
    let expected = json!({
        "type": "job.succeeded",
        "timestamp": "2026-11-18T11:06:48.123Z",
        "data": {
            "id": "019a0000-0000-7000-8000-000000000000",
            "name": "night \"batch\" ⚙",
            "kind": "wait",
            "outcome": "succeeded",
            "trace_id": TRACE_ID,
            "round": 2,
            "run": "2.1.0",
                "finished_at": "2026-11-18T11:06:48.123Z",
        },
    });
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), expected);
}

#[test]
fn a_failure_has_a_reason_and_every_outcome_has_its_type() {
    for outcome in Outcome::ALL {
        let mut done = done(outcome);
        done.failure = Some(JobFailure::new("operation_failed", "division by zero"));
        let notification = Notification { done: &done, trace_id: TRACE_ID };
        let body: Value = serde_json::from_str(&notification.body()).unwrap();
        assert_eq!(body["type"], format!("job.{outcome}"));
        let failure = json!({"reason": "operation_failed", "detail": "division by zero"});
        assert_eq!(body["data"]["failure"], failure);
        assert!(notification.id().ends_with(&format!(":2:{outcome}")), "{}", notification.id());
    }
}

#[tokio::test]
async fn a_signed_webhook_is_genuine_by_the_reference_library() {
    let mut receiver = Receiver::answering(204, &[]).await;
    let mut config = config(&receiver.authority());
    config.webhook_secret = Some(SECRET.parse().unwrap());
    let webhook = channel(&config);
    send(&webhook, &receiver.url("/")).await;
    let (headers, body) = receiver.next().await;
    let id = header(&headers, "webhook-id").unwrap();
    let timestamp = header(&headers, "webhook-timestamp").unwrap().parse().unwrap();
    let reference = standardwebhooks::Webhook::new(SECRET).unwrap();
    let expected = reference.sign(id, timestamp, body.as_bytes()).unwrap();
    assert_eq!(header(&headers, "webhook-signature"), Some(expected.as_str()));
}

#[tokio::test]
async fn during_a_rotation_both_secrets_sign() {
    let mut receiver = Receiver::answering(204, &[]).await;
    let mut config = config(&receiver.authority());
    config.webhook_secret = Some(format!("{NEW_SECRET},{SECRET}").parse().unwrap());
    send(&channel(&config), &receiver.url("/")).await;
    let (headers, body) = receiver.next().await;
    let id = header(&headers, "webhook-id").unwrap();
    let timestamp = header(&headers, "webhook-timestamp").unwrap().parse().unwrap();
    let expected = [NEW_SECRET, SECRET].map(|secret| {
        let reference = standardwebhooks::Webhook::new(secret).unwrap();
        reference.sign(id, timestamp, body.as_bytes()).unwrap()
    });
    assert_eq!(header(&headers, "webhook-signature"), Some(expected.join(" ").as_str()));
}

#[tokio::test]
async fn a_repeated_notification_has_the_same_id() {
    let mut receiver = Receiver::answering(503, &[]).await;
    for _ in 0..2 {
        send_to(&receiver).await;
    }
    let (first, second) = (receiver.next().await.0, receiver.next().await.0);
    assert_eq!(header(&first, "webhook-id"), header(&second, "webhook-id"));
}

#[tokio::test]
async fn the_response_decides_the_result() {
    let why = |text: &str| text.to_owned();
    for (status, headers, expected) in [
        (204, &[][..], Sent::Delivered { status: 204 }),
        (
            500,
            &[],
            Sent::Failed {
                after: None,
                why: why("the receiver responded 500 Internal Server Error"),
            },
        ),
        (
            429,
            &[("retry-after", "7")],
            Sent::Failed {
                after: Some(Duration::from_secs(7)),
                why: why("the receiver responded 429 Too Many Requests"),
            },
        ),
        (410, &[], Sent::Refused { why: why("the receiver responded 410 Gone") }),
        (404, &[], Sent::Failed { after: None, why: why("the receiver responded 404 Not Found") }),
    ] {
        let receiver = Receiver::answering(status, headers).await;
        assert_eq!(send_to(&receiver).await, expected);
    }
}

#[tokio::test]
async fn a_redirect_is_refused_and_not_followed() {
    let mut other = Receiver::answering(200, &[]).await;
    for status in [301, 302, 303, 307, 308] {
        let to = other.url("/elsewhere");
        let mut receiver = Receiver::answering(status, &[("location", &to)]).await;
        let allow = format!("{},{}", receiver.authority(), other.authority());
        let webhook = channel(&config(&allow));
        let sent = send(&webhook, &receiver.url("/")).await;
        assert!(matches!(&sent, Sent::Refused { why } if why.contains("redirect")), "{sent:?}");
        receiver.next().await;
    }
    assert!(other.is_untouched());
}
