//! Attacks that a compromised service can try with its own permissions at the broker: each fails, or is rejected by the
//! stage that it targets. Where no NATS permission can prevent an attack, the test shows its effect.

use std::time::Duration;

use async_nats::{Client, HeaderMap, jetstream};
use serde_json::{Value, json};
use testkit::eventually;

use crate::{
    broker_with_users::{Guarded, USERS},
    rights::{becomes, get, submit},
};

/// Timeout of a response on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);
/// The name of a forged job.
const FORGED: &str = "forged";

#[tokio::test(flavor = "multi_thread")]
async fn a_service_cannot_replace_the_messages_of_a_bucket() {
    let lab = Guarded::start().await;
    let jobs = [done(&lab).await, done(&lab).await];
    for (user, subject) in [
        ("gateway", "$KV.JOBS.x"),
        ("ingester", "$KV.JOBS.x"),
        ("processor", "$KV.JOBS.x"),
        ("notifier", "$KV.JOBS.x"),
        ("gateway", "$KV.KEYS.x"),
        ("ingester", "$KV.KEYS.x"),
        ("processor", "$KV.RESULTS.x"),
        ("processor", "$O.TILES.M.x"),
        ("processor", "$O.TILES.C.x"),
    ] {
        let (client, _) = lab.client(user).await;
        for headers in [&[("Nats-Rollup", "all")][..], &[("Nats-Rollup", "sub")], &PURGE] {
            let answer = published(&client, subject, headers).await;
            let refused = answer["error"]["description"].as_str().unwrap_or_default();
            assert!(refused.contains("rollup not permitted"), "{user}, {subject}: {answer}");
        }
        let plain = published(&client, subject, &[]).await;
        assert!(plain["seq"].is_u64(), "{user} may write {subject}: {plain}");
    }
    still_there(&lab, &jobs).await;
}

/// The headers with which the key-value API purges a key.
const PURGE: [(&str, &str); 2] = [("KV-Operation", "PURGE"), ("Nats-Rollup", "sub")];

#[tokio::test(flavor = "multi_thread")]
async fn nats_headers_on_a_record_affect_only_that_record() {
    let lab = Guarded::start().await;
    let jobs = [done(&lab).await, done(&lab).await];
    let (client, _) = lab.client("notifier").await;
    // Each with whether the broker accepts it.
    for (headers, taken) in [
        (&[("Nats-TTL", "1s")][..], true),
        (&[("KV-Operation", "DEL")], true),
        (&[("Nats-Expected-Last-Sequence", "1")], false),
        (&[("Nats-Expected-Stream", "TODO")], false),
        (
            &[
                ("Nats-Schedule", "@at 2026-01-01T00:00:00Z"),
                ("Nats-Schedule-Target", "jobs.todo.add"),
            ],
            false,
        ),
        (&[("Nats-Schedule", "@every 1s"), ("Nats-Schedule-Target", "$KV.JOBS.y")], false),
        (
            &[("Nats-Batch-Id", "b"), ("Nats-Batch-Sequence", "1"), ("Nats-Batch-Commit", "1")],
            false,
        ),
        (&[("Nats-Incr", "+1")], false),
    ] {
        let answer = published(&client, "$KV.JOBS.x", headers).await;
        assert_eq!(answer["error"].is_null(), taken, "{headers:?}: {answer}");
    }
    for headers in [&[("Nats-TTL", "1s")][..], &[("Nats-Rollup", "all")]] {
        let answer = published(&client, "jobs.dead.notifier", headers).await;
        assert!(answer["error"].is_object(), "{headers:?}: {answer}");
    }
    still_there(&lab, &jobs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_the_broker_copied_into_a_queue_is_rejected_by_its_stage() {
    let lab = Guarded::start().await;
    let id = done(&lab).await;
    let record = get(&format!("{}/v1/jobs/{id}", lab.gateway_url())).await;
    let mut tried = 0;
    for (user, target) in [
        ("notifier", "jobs.todo.add"),
        ("notifier", "jobs.submitted.add"),
        ("processor", "jobs.todo.add"),
        ("processor", "jobs.submitted.add"),
        ("notifier", "jobs.done.failed"),
    ] {
        let (client, _) = lab.client(user).await;
        let key = format!("forged-{user}-{}", target.replace('.', "-"));
        let (headers, body) = event(target, &record);
        let stored = published_as(&client, &format!("$KV.JOBS.{key}"), headers, &body).await;
        assert!(stored["seq"].is_u64(), "{stored}");
        let get = format!("$JS.API.DIRECT.GET.KV_JOBS.$KV.JOBS.{key}");
        client.publish_with_reply(get, target, "".into()).await.unwrap();
        client.flush().await.unwrap();
        tried += 1;
        let dead_letters = dead_letters(&lab, tried).await;
        let newest = dead_letters.last().unwrap();
        assert_eq!(newest["reason"], "malformed", "{newest}");
        let detail = newest["detail"].as_str().unwrap();
        assert!(detail.contains("no stage published this message"), "{newest}");
        assert!(newest["job"].is_null(), "a forged message speaks for no job: {newest}");
    }
    let list = get(&format!("{}/v1/jobs?limit=100", lab.gateway_url())).await;
    assert!(!list.to_string().contains(FORGED), "{list}");
    still_there(&lab, &[id]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_in_the_name_of_another_stage_cannot_be_redriven() {
    let lab = Guarded::start().await;
    let id = done(&lab).await;
    let record = get(&format!("{}/v1/jobs/{id}", lab.gateway_url())).await;
    let (client, _) = lab.client("notifier").await;
    let (mut headers, body) = dead_letter(&record);
    // On its own subject, with the processor as stage.
    let own = published_as(&client, "jobs.dead.notifier", headers.clone(), &body).await;
    assert!(own["seq"].is_u64(), "{own}");
    // On the processor's subject, as a copy by the broker.
    headers.insert("Nats-Subject", "jobs.dead.processor");
    let key = "$KV.JOBS.forged-letter";
    assert!(published_as(&client, key, headers, &body).await["seq"].is_u64());
    let copy = format!("$JS.API.DIRECT.GET.KV_JOBS.{key}");
    client.publish_with_reply(copy, "jobs.dead.processor", "".into()).await.unwrap();
    for found in dead_letters(&lab, 2).await {
        assert_eq!(found["stage"], "unknown", "{found}");
        let url = format!("{}/v1/dead-letters/{}/redrive", lab.gateway_url(), found["seq"]);
        let answer = reqwest::Client::new().post(url).send().await.unwrap();
        assert_eq!(answer.status(), 409, "{}", answer.text().await.unwrap());
    }
}

/// Pulls with a queue's subject as reply subject, and responses of the JetStream API.
#[tokio::test(flavor = "multi_thread")]
async fn responses_of_the_broker_in_a_queue_become_dead_letters_and_no_jobs() {
    let lab = Guarded::start().await;
    let id = done(&lab).await;
    let (client, _) = lab.client("notifier").await;
    let info = "$JS.API.STREAM.INFO.KV_JOBS";
    client.publish_with_reply(info, "jobs.todo.add", "".into()).await.unwrap();
    // The ack of a publish, as a message.
    client.publish_with_reply("$KV.JOBS.x", "jobs.submitted.add", "{}".into()).await.unwrap();
    client.flush().await.unwrap();
    for dead_letter in dead_letters(&lab, 2).await {
        assert_eq!(dead_letter["reason"], "malformed", "{dead_letter}");
    }
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Trace-Dest", "jobs.todo.add");
    client.publish_with_headers("$KV.JOBS.x", headers, "{}".into()).await.unwrap();
    client.flush().await.unwrap();
    still_there(&lab, &[id]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_topology_user_can_change_a_stream_and_so_drop_its_messages_as_users_conf_says() {
    let lab = Guarded::start().await;
    done(&lab).await;
    done(&lab).await;
    let (client, _) = lab.client("topology").await;
    let broker = jetstream::new(client);
    let mut stream = broker.get_stream("KV_JOBS").await.unwrap();
    let mut config = stream.info().await.unwrap().config.clone();
    assert!(!config.allow_rollup, "{config:?}");
    config.max_messages = 1;
    config.discard = jetstream::stream::DiscardPolicy::Old;
    broker.update_stream(config).await.unwrap();
    assert_eq!(stream.info().await.unwrap().state.messages, 1);
    let said =
        std::fs::read_to_string(crate::broker_with_users::repository().join("nats/users.conf"));
    assert!(said.unwrap().contains("max_msgs: 1"), "the file must say so while it is so");
}

/// Runs a job and returns its id.
async fn done(lab: &Guarded) -> String {
    let add = json!({"name": "kept", "operations": [{"kind": "add", "inputs": [1, 2]}]});
    let id = submit(lab, &add, None).await;
    becomes(lab, &id, "succeeded").await;
    id
}

async fn still_there(lab: &Guarded, jobs: &[String]) {
    for id in jobs {
        becomes(lab, id, "succeeded").await;
    }
    // Every stage still works.
    done(lab).await;
}

async fn dead_letters(lab: &Guarded, wanted: usize) -> Vec<Value> {
    let url = format!("{}/v1/dead-letters", lab.gateway_url());
    eventually(LIMIT, &format!("{wanted} dead letters"), async || {
        let all = get(&url).await;
        let dead_letters = all["dead_letters"].as_array().cloned().unwrap_or_default();
        let mut dead_letters: Vec<Value> = dead_letters.into_iter().collect();
        dead_letters.sort_by_key(|dead_letter| dead_letter["seq"].as_u64());
        if dead_letters.len() >= wanted {
            Ok(dead_letters)
        } else {
            Err(format!("{all} {:?}", lab.violations()))
        }
    })
    .await
}

/// The response of the broker to a publish.
async fn published(client: &Client, subject: &str, headers: &[(&str, &str)]) -> Value {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, *value);
    }
    published_as(client, subject, map, "x").await
}

async fn published_as(client: &Client, subject: &str, headers: HeaderMap, body: &str) -> Value {
    let body = body.to_owned();
    let answer = client.request_with_headers(subject.to_owned(), headers, body.into()).await;
    serde_json::from_slice(&answer.unwrap().payload).unwrap()
}

/// A job as the previous stage would publish it to `target`.
fn event(target: &str, record: &Value) -> (HeaderMap, String) {
    let (kind, source) = match target.split('.').nth(1).unwrap() {
        "submitted" => ("dev.waybill.job.submitted", "/waybill/gateway"),
        "todo" => ("dev.waybill.job.todo", "/waybill/ingester"),
        _ => ("dev.waybill.job.done", "/waybill/processor"),
    };
    let job = forged(record);
    let body = if kind.ends_with("done") { json!({"job": job, "outcome": "failed"}) } else { job };
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("ce-specversion", "1.0"),
        ("ce-id", "forged-1"),
        ("ce-source", source),
        ("ce-type", kind),
        ("Content-Type", "application/json"),
    ] {
        headers.insert(name, value);
    }
    (headers, body.to_string())
}

fn forged(record: &Value) -> Value {
    let spec = json!({"name": FORGED, "operations": [{"kind": "add", "inputs": [6, 6]}]});
    json!({"id": record["id"], "round": 7, "spec": spec, "accepted_at_ms": 1})
}

/// A dead letter of the processor whose redrive would queue the forged job.
fn dead_letter(record: &Value) -> (HeaderMap, String) {
    let (original, body) = event("jobs.todo.add", record);
    let mut headers = HeaderMap::new();
    for (name, values) in original.iter() {
        let name = format!("{}{name}", contract::dead_header::ORIGINAL);
        headers.insert(name.as_str(), values[0].as_str());
    }
    for (name, value) in [
        (contract::dead_header::STAGE, "processor"),
        (contract::dead_header::REASON, "attempts_used_up"),
        (contract::dead_header::SUBJECT, "jobs.todo.add"),
        (contract::dead_header::SEQ, "1"),
        (contract::dead_header::ATTEMPTS, "1"),
    ] {
        headers.insert(name, value);
    }
    (headers, body)
}

#[test]
fn every_user_of_the_file_has_a_test() {
    let file =
        std::fs::read_to_string(crate::broker_with_users::repository().join("nats/users.conf"));
    let users = file.unwrap().matches("\n      user: ").count();
    assert_eq!(users, USERS.len());
}
