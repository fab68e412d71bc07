//! The webhook receiver: senders, pages and hostile clients.

use std::time::UNIX_EPOCH;

use reqwest::{RequestBuilder, StatusCode};
use runtime::clock::Clock;
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use crate::telemetry::trace_hex;
use crate::under_test::{Console, in_time};

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const JOB: &str = "019a0000-0000-7000-8000-000000000001";

fn post(console: &Console, path: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
    let url = format!("http://{}{path}", console.running.console);
    console.client.post(url).header("content-type", "application/json").body(body)
}

async fn status(request: RequestBuilder) -> StatusCode {
    in_time(request.send()).await.unwrap().status()
}

fn notification() -> String {
    let data = json!({"id": JOB, "name": "sum", "outcome": "failed", "trace_id": trace_hex(7)});
    json!({"type": "job.failed", "timestamp": "2026-11-21T09:00:00Z", "data": data}).to_string()
}

/// The notification as the notifier sends it, made by the reference library; `id` and time are signed too.
fn signed(console: &Console, id: &str, secret: &str, seconds_ago: i64) -> RequestBuilder {
    let now = Clock::new().true_now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let at = i64::try_from(now).unwrap() - seconds_ago;
    let signature = Webhook::new(secret).unwrap().sign(id, at, notification().as_bytes()).unwrap();
    post(console, "/hooks/demo", notification())
        .header("webhook-id", id)
        .header("webhook-timestamp", at)
        .header("webhook-signature", format!("v1,bm90IHRoaXM= {signature}"))
}

async fn received(console: &Console, name: &str) -> Vec<Value> {
    let answer = console.api(&format!("/api/hooks/{name}")).await;
    answer["hooks"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_notification_is_kept_with_its_job_and_repeated_arrivals_are_counted() {
    let console = Console::start().await;
    for _ in 0..2 {
        let request =
            post(&console, "/hooks/demo", notification()).header("webhook-id", "a:0:failed");
        assert_eq!(status(request).await, StatusCode::OK);
    }
    assert_eq!(status(post(&console, "/hooks/demo", notification())).await, StatusCode::OK);
    let hooks = received(&console, "demo").await;
    assert_eq!(hooks.len(), 2, "the repeat is not listed again");
    assert_eq!((&hooks[0]["arrivals"], &hooks[1]["arrivals"]), (&json!(1), &json!(2)));
    assert_eq!(hooks[1]["job_id"], JOB);
    assert_eq!(hooks[1]["event"], "job.failed");
    assert_eq!(hooks[1]["body"], serde_json::from_str::<Value>(&notification()).unwrap());
    let page = console.page("/hooks").await;
    assert!(page.contains("arrived 2 times") && page.contains("job.failed"));
    assert!(page.contains(&format!("href=\"/traces/{}\"", trace_hex(7))) && page.contains(JOB));
    let list = console.api("/api/hooks").await;
    assert_eq!(
        (&list["hooks"][0]["name"], &list["hooks"][0]["kept"], &list["hooks"][0]["received"]),
        (&json!("demo"), &json!(2), &json!(3))
    );
}

#[tokio::test]
async fn an_alert_of_grafana_is_kept_under_the_name_of_its_contact_point() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let contact = std::fs::read_to_string(root.join("grafana/provisioning/alerting/contact.yaml"));
    let contact = contact.unwrap();
    let path = contact.split("http://console:8090").nth(1).and_then(|rest| rest.split('"').next());
    let console =
        Console::with(|config| config.admin.hosts.allowed_hosts = vec!["console".into()]).await;
    let alert = json!({
        "receiver": "console", "status": "firing", "groupLabels": {"alertname": "A part is down"},
        "commonLabels": {"alertname": "A part is down", "grafana_folder": "Waybill"},
        "alerts": [{"status": "firing", "labels": {"alertname": "A part is down"}, "values": {"A": 0}}],
        "version": "1", "orgId": 1, "title": "[FIRING:1] A part is down", "state": "alerting",
    });
    let request = post(&console, path.unwrap(), alert.to_string()).header("host", "console:8090");
    assert_eq!(status(request).await, StatusCode::OK);
    let page = console.page("/hooks?name=alerts").await;
    assert!(page.contains("firing: A part is down"), "{page}");
}

#[tokio::test]
async fn a_signature_is_checked_if_there_is_a_secret() {
    let console =
        Console::with(|config| config.webhook_secret = Some(SECRET.parse().unwrap())).await;
    let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let forged = signed(&console, "forged", SECRET, 0).body(notification().replace("sum", "sun"));
    let headless =
        post(&console, "/hooks/demo", notification()).header("webhook-signature", "v1,AAAA");
    for (request, verdict) in [
        (signed(&console, "a", SECRET, 0), "valid"),
        (signed(&console, "b", SECRET, 600), "out_of_time"),
        (signed(&console, "c", SECRET, -600), "out_of_time"),
        (signed(&console, "d", other, 0), "wrong"),
        (forged, "wrong"),
        (headless, "wrong"),
        (post(&console, "/hooks/demo", notification()), "unsigned"),
    ] {
        assert_eq!(status(request).await, StatusCode::OK, "{verdict}: it is shown, not rejected");
        assert_eq!(received(&console, "demo").await[0]["signature"], verdict);
    }
    let page = console.page("/hooks").await;
    for mark in [">signed<", ">signature out of time<", ">wrong signature<"] {
        assert!(page.contains(mark), "{mark}");
    }
    assert!(!page.contains("whsec_"));
    let without_secret = Console::start().await;
    status(signed(&without_secret, "a", SECRET, 0)).await;
    assert_eq!(received(&without_secret, "demo").await[0]["signature"], "unchecked");
}

#[tokio::test]
async fn during_a_rotation_signatures_of_both_secrets_are_valid() {
    let new = "whsec_enp6enp6enp6enp6enp6enp6enp6enp6enp6enp6eno=";
    let both = format!("{new},{SECRET}");
    let console = Console::with(|config| config.webhook_secret = Some(both.parse().unwrap())).await;
    for (id, secret) in [("new", new), ("old", SECRET)] {
        status(signed(&console, id, secret, 0)).await;
        assert_eq!(received(&console, "demo").await[0]["signature"], "valid", "{id}");
    }
}

#[tokio::test]
async fn the_sender_gets_the_requested_response_and_the_webhook_is_kept() {
    let console = Console::start().await;
    let send = async |query: &str| {
        let request = post(&console, &format!("/hooks/demo{query}"), notification());
        in_time(request.header("webhook-id", "one").send()).await.unwrap()
    };
    for (query, expected) in
        [("?answer=503", 503), ("?answer=204", 204), ("?answer=410", 410), ("", 200)]
    {
        assert_eq!(send(query).await.status().as_u16(), expected, "{query}");
    }
    let rate_limited = send("?answer=429&retry_after=2").await;
    assert_eq!(
        (rate_limited.status().as_u16(), &rate_limited.headers()["retry-after"]),
        (429, &"2".parse().unwrap())
    );
    assert!(!send("?answer=200&retry_after=2").await.headers().contains_key("retry-after"));
    assert_eq!(received(&console, "demo").await[0]["arrivals"], 6);
    assert_eq!(send("?answer=503&times=6").await.status().as_u16(), 200, "only the first six");
    assert!(console.page("/hooks").await.contains("arrived 7 times"));
    for bad in [
        "?answer=302",
        "?answer=100",
        "?answer=x",
        "?retry_after=-1",
        "?retry_after=99999",
        "?times=0",
        "?anwser=503",
        "?answer=503&answer=200",
    ] {
        assert_eq!(send(bad).await.status(), StatusCode::BAD_REQUEST, "{bad}");
    }
    assert_eq!(received(&console, "demo").await[0]["arrivals"], 7, "rejected ones are not kept");
}

#[tokio::test]
async fn two_bodies_under_one_id_are_marked() {
    let console = Console::start().await;
    for body in ["1", "2", "2"] {
        status(post(&console, "/hooks/demo", body).header("webhook-id", "one")).await;
    }
    let hooks = received(&console, "demo").await;
    assert_eq!((&hooks[0]["body_changed"], &hooks[0]["body"]), (&json!(true), &json!(2)));
}

#[tokio::test]
async fn hostile_bodies_are_rejected_with_a_reason_and_not_kept() {
    let console = Console::start().await;
    let nested = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    let large = format!("\"{}\"", "x".repeat(64 * 1024));
    let huge = format!("\"{}\"", "x".repeat(1024 * 1024));
    for (body, expected, kind) in [
        (b"no json".to_vec(), 400, "not-json"),
        (Vec::new(), 400, "not-json"),
        (b"{} {}".to_vec(), 400, "not-json"),
        (vec![b'"', 0xff, 0xfe, b'"'], 400, "not-json"),
        (nested.into_bytes(), 400, "not-json"),
        (large.into_bytes(), 413, "body-too-large"),
        (huge.into_bytes(), 413, "body-too-large"),
    ] {
        let answer = in_time(post(&console, "/hooks/demo", body).send()).await.unwrap();
        assert_eq!(answer.status().as_u16(), expected, "{kind}");
        let problem: Value = in_time(answer.json()).await.unwrap();
        assert!(problem["type"].as_str().unwrap().ends_with(kind), "{problem}");
    }
    for name in ["Demo", "a_b", "a%20b", "%3Cscript%3E", &"x".repeat(41)] {
        let request = post(&console, &format!("/hooks/{name}"), "{}");
        assert_eq!(status(request).await, StatusCode::BAD_REQUEST, "{name}");
    }
    assert_eq!(console.api("/api/hooks").await, json!({"hooks": []}));
    let most = format!("\"{}\"", "x".repeat(64 * 1024 - 2));
    assert_eq!(status(post(&console, "/hooks/demo", most)).await, StatusCode::OK);
}

#[tokio::test]
async fn another_site_a_form_and_a_wrong_host_cannot_post() {
    let console = Console::start().await;
    let foreign = post(&console, "/hooks/demo", "{}").header("origin", "http://evil.example");
    assert_eq!(status(foreign).await, StatusCode::FORBIDDEN);
    let misled = post(&console, "/hooks/demo", "{}").header("host", "evil.example");
    assert_eq!(status(misled).await, StatusCode::MISDIRECTED_REQUEST);
    let url = format!("http://{}/hooks/demo", console.running.console);
    let form = console.client.post(url).header("content-type", "text/plain").body("{}");
    assert_eq!(status(form).await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(console.any_page("/api/hooks/demo").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_content_of_a_webhook_is_escaped() {
    let console = Console::start().await;
    let hostile = "<script>alert(1)</script>\" onload=\"alert(1)";
    let data = json!({"id": hostile, "outcome": hostile, "trace_id": hostile});
    let body = json!({"type": hostile, "data": data, hostile: hostile}).to_string();
    let headers = |request: RequestBuilder| {
        request
            .header("webhook-id", hostile)
            .header("webhook-signature", hostile)
            .header("user-agent", hostile)
    };
    assert_eq!(status(headers(post(&console, "/hooks/demo", body))).await, StatusCode::OK);
    for path in ["/hooks", "/hooks?name=demo", "/parts/hooks"] {
        let page = console.page(path).await;
        assert!(page.contains("&lt;script&gt;alert(1)"), "{path}");
        assert!(!page.contains("<script>alert") && !page.contains("\" onload"), "{path}");
        assert!(!page.contains(" style="), "the policy forbids inline style");
    }
    let (status, page) = console.any_page("/hooks?name=%3Cscript%3Ealert(1)").await;
    assert!(status == StatusCode::BAD_REQUEST && !page.contains("<script>alert"));
}

#[tokio::test]
async fn each_name_keeps_its_newest_and_the_least_recently_used_name_is_evicted() {
    let console = Console::start().await;
    for n in 0..103 {
        status(post(&console, "/hooks/many", n.to_string())).await;
    }
    let many = received(&console, "many").await;
    assert_eq!((many.len(), &many[0]["body"], &many[99]["body"]), (100, &json!(102), &json!(3)));
    let body = format!("\"{}\"", "x".repeat(60 * 1024));
    for _ in 0..8 {
        status(post(&console, "/hooks/large", body.clone())).await;
    }
    let list = console.api("/api/hooks").await;
    let large = &list["hooks"][0];
    assert_eq!((&large["name"], &large["evicted"]), (&json!("large"), &json!(4)));
    assert!(large["bytes"].as_u64().unwrap() <= 256 * 1024);
    assert!(console.page("/hooks?name=large").await.len() < 100_000, "long bodies are cut");
    for n in 0..31 {
        status(post(&console, &format!("/hooks/n{n}"), "{}")).await;
    }
    assert_eq!(console.api("/api/hooks").await["hooks"].as_array().unwrap().len(), 32);
    assert_eq!(console.any_page("/api/hooks/many").await.0, StatusCode::NOT_FOUND);
    assert_eq!(received(&console, "large").await.len(), 4);
}

#[tokio::test]
async fn a_get_of_the_webhook_address_redirects_to_the_page() {
    let console = Console::start().await;
    let answer = in_time(console.get("/hooks/demo").send()).await.unwrap();
    assert_eq!(answer.headers()["location"], "/hooks?name=demo");
    let page = console.page("/").await;
    assert!(
        page.contains("href=\"/hooks\"") && page.contains("aria-current=\"page\">Jobs and traces")
    );
    let page = console.page("/hooks").await;
    let address = format!("http://{}/hooks/demo", console.running.console);
    assert!(page.contains(&address) && page.contains("Nothing has arrived yet"));
}
