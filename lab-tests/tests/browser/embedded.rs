//! Attacks of foreign web pages on the embedded lab.

use std::{collections::BTreeMap, time::Duration};

use async_nats::jetstream;
use futures_util::TryStreamExt as _;
use lab_tests::{Client, waybill};
use serde_json::{Value, json};
use testkit::LabUnderTest;

use crate::{
    attacks::{learned, try_all, try_rebound},
    browser::Browser,
    foreign_page::ForeignSite,
};

const LIMIT: Duration = Duration::from_secs(20);
/// Spans of the trace of a job that succeeds at once.
const SPANS_OF_A_JOB: usize = 8;

/// Every TCP port of the lab, by name.
fn ports(lab: &LabUnderTest) -> [(&'static str, u16); 11] {
    let ports = lab.ports();
    [
        ("gateway", ports.gateway),
        ("console", ports.console),
        ("OTLP/HTTP", ports.otlp_http),
        ("OTLP/gRPC", ports.otlp_grpc),
        ("gateway admin", ports.gateway_admin),
        ("ingester admin", ports.ingester_admin),
        ("processor admin", ports.processor_admin),
        ("notifier admin", ports.notifier_admin),
        ("console admin", ports.console_admin),
        ("NATS", ports.nats),
        ("NATS monitor", ports.nats_monitor),
    ]
}

/// Whether the response is the 404 of the broker's monitor, which does not check host names: it has a secret path.
fn is_nothing(part: &str, learned: &str) -> bool {
    part == "NATS monitor" && learned.contains(": 404 ")
}

/// The state that a page could have changed.
async fn state(lab: &LabUnderTest) -> BTreeMap<String, Value> {
    let client = Client::of(lab);
    let nats = jetstream::new(async_nats::connect(lab.nats_url()).await.unwrap());
    let streams: Vec<_> = nats.streams().try_collect().await.unwrap();
    let mut all: BTreeMap<String, Value> = streams
        .into_iter()
        .map(|stream| {
            let state = stream.state;
            let state = json!([state.messages, state.first_sequence, state.last_sequence]);
            (stream.config.name, state)
        })
        .collect();
    let dead = client.dead_letters().await;
    all.insert("dead letters".into(), json!(dead.dead_letters.len()));
    all.insert("jobs".into(), json!(client.try_count().await.unwrap()));
    for path in ["/api/hooks", "/api/traces"] {
        let response = reqwest::get(format!("{}{path}", lab.console_url())).await.unwrap();
        all.insert(path.into(), response.json().await.unwrap());
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn the_attacks_succeed_on_a_server_without_protection() {
    let Some(browser) = Browser::start().await else { return };
    let site = ForeignSite::start().await;
    assert!(browser.open(&site.page()).await);
    let learned = learned(try_all(&browser, &site.open.to_string()).await);
    let means = [
        "fetch /v1/jobs: 200",
        "image /x.svg: image 3",
        "script /x.js: ran",
        "POST text/plain /v1/jobs: 200",
        "POST application/json /v1/jobs: 200",
        "DELETE /v1/jobs: 200",
        "EventSource /events: opened",
    ];
    for means in means {
        assert!(learned.iter().any(|one| one.starts_with(means)), "{means}: {learned:#?}");
    }
    let seen = site.seen.lock().unwrap().clone();
    for (method, media) in [
        ("POST", "text/plain"),
        ("POST", "application/x-www-form-urlencoded"),
        ("POST", "multipart/form-data"),
        ("POST", "application/json"),
        ("PUT", ""),
        ("DELETE", ""),
    ] {
        let arrived = |(m, t): &(axum::http::Method, String)| m == method && t.starts_with(media);
        assert!(seen.iter().any(arrived), "{method} {media}");
    }
    browser.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_page_can_neither_read_nor_change_anything_of_a_running_lab() {
    let Some(browser) = Browser::start().await else { return };
    let (lab, site) = (LabUnderTest::start(&waybill()).await, ForeignSite::start().await);
    let client = Client::of(&lab);
    let job = json!({"name": "kept", "operations": [{"kind": "add", "inputs": [1, 2]}]});
    let accepted = client.submit(&job).await;
    client.ended(accepted.id, LIMIT).await;
    // Waits for the last span of its trace, which ends after the job.
    testkit::eventually(LIMIT, "the trace", async || {
        let spans = client.trace(&accepted.trace_id).await.map_or(0, |trace| trace.spans.len());
        if spans >= SPANS_OF_A_JOB { Ok(()) } else { Err(spans) }
    })
    .await;
    let before = settled(&lab).await;
    let mut all = Vec::new();
    for (part, port) in ports(&lab) {
        assert!(browser.open(&site.page()).await);
        for host in ["127.0.0.1", "localhost", "rebound.example"] {
            let attempts = try_all(&browser, &format!("{host}:{port}")).await;
            assert!(attempts.len() > 100, "{part}: {}", attempts.len());
            let got = learned(attempts);
            let got = got.into_iter().filter(|one| !is_nothing(part, one));
            all.extend(got.map(|one| format!("{part} as {host}, {one}")));
        }
    }
    assert!(all.is_empty(), "a foreign page learned {all:#?}");
    assert_eq!(settled(&lab).await, before, "a foreign page changed something");
    browser.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_whose_name_was_rebound_to_the_lab_can_neither_read_nor_change_anything() {
    let Some(browser) = Browser::start().await else { return };
    let lab = LabUnderTest::start(&waybill()).await;
    let before = settled(&lab).await;
    let mut all = Vec::new();
    for (part, port) in ports(&lab) {
        // A port without HTTP/1.1 loads no page.
        if !browser.open(&format!("http://rebound.example:{port}/")).await {
            continue;
        }
        let got = learned(try_rebound(&browser).await);
        let got = got.into_iter().filter(|one| !is_nothing(part, one));
        all.extend(got.map(|one| format!("{part}, {one}")));
    }
    assert!(all.is_empty(), "a rebound page learned {all:#?}");
    assert_eq!(settled(&lab).await, before, "a rebound page changed something");
    browser.end().await;
}

/// The state once it no longer changes: telemetry of a job arrives a little later.
async fn settled(lab: &LabUnderTest) -> BTreeMap<String, Value> {
    let last = std::sync::Mutex::new(BTreeMap::new());
    testkit::eventually(LIMIT, "a quiet lab", async || {
        let now = state(lab).await;
        let before = std::mem::replace(&mut *last.lock().unwrap(), now.clone());
        if before == now { Ok(now) } else { Err("it moves") }
    })
    .await
}
