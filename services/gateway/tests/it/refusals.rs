//! Requests that are refused: each says what is wrong, and leaves nothing behind.

use reqwest::header::{CONTENT_TYPE, HOST, ORIGIN};
use serde_json::json;

use crate::rig::{JOB, Rig, problem};

fn with(operation: &serde_json::Value) -> String {
    json!({"name": "x", "operations": [{"kind": "wait", "seconds": 0}, operation]}).to_string()
}

fn webhook(url: &str) -> String {
    let notify = json!({"channel": "webhook", "url": url});
    json!({"name": "x", "operations": [{"kind": "wait", "seconds": 0}], "notify": notify})
        .to_string()
}

#[tokio::test]
async fn an_invalid_job_is_refused_with_the_name_of_its_field() {
    let rig = Rig::start().await;
    let deep = format!(r#"{{"name":{}}}"#, "[".repeat(200));
    let cases = [
        (String::new(), "body: must be a JSON object"),
        ("[]".into(), "body: must be a JSON object"),
        ("{".into(), "body: "),
        (format!("{JOB} {{}}"), "body: "),
        (deep, ""),
        (json!({"name": "x"}).to_string(), "operations"),
        (json!({"name": "x", "operations": []}).to_string(), "operations: "),
        (json!({"name": "", "operations": []}).to_string(), "name: "),
        (json!({"name": "x".repeat(201), "operations": []}).to_string(), "name: "),
        (with(&json!({"kind": "add", "inputs": [1]})), "operations[1].inputs: "),
        (with(&json!({"kind": "fly"})), "operations[1].kind: "),
        (with(&json!({"kind": "wait", "seconds": 3601})), "operations[1].seconds: "),
        (webhook("http://127.0.0.1:9/"), "notify.url: "),
        (webhook("http://169.254.169.254/latest"), "notify.url: "),
        (webhook("http://localhost:8080/"), "notify.url: "),
        (webhook("ftp://example.com/"), "notify.url: "),
    ];
    for (body, detail) in cases {
        let problem = problem(rig.post("/v1/jobs", body.clone()).send().await.unwrap(), 400).await;
        assert!(problem.detail.contains(detail), "{body:.60}: {}", problem.detail);
        assert_eq!(problem.trace_id.map(|id| id.len()), Some(32), "{body:.60}");
    }
    rig.holds_nothing().await;
}

#[tokio::test]
async fn a_webhook_whose_host_cannot_be_found_is_refused() {
    let rig = Rig::start().await;
    let body = webhook("https://no-such-host.invalid/hook");
    let problem = problem(rig.post("/v1/jobs", body).send().await.unwrap(), 422).await;
    assert!(problem.detail.starts_with("notify.url: "), "{}", problem.detail);
    rig.holds_nothing().await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let rig = Rig::start().await;
    let text = "x".repeat(1_000 * 1024);
    let large = with(&json!({"kind": "hash", "text": text, "rounds": 1}));
    let sent = rig.post("/v1/jobs", large).send().await.unwrap();
    assert!(problem(sent, 413).await.detail.starts_with("body: "));
    rig.holds_nothing().await;
}

#[tokio::test]
async fn a_job_that_grows_beyond_a_message_is_refused_and_not_a_server_error() {
    let rig = Rig::start().await;
    let numbers = format!(r#"{{"kind":"add","inputs":[{}]}}"#, vec!["1"; 1_000].join(","));
    let body = format!(r#"{{"name":"x","operations":[{}]}}"#, vec![numbers; 100].join(","));
    assert!(body.len() < 256 * 1024);
    let sent = rig.post("/v1/jobs", body).header("idempotency-key", "k").send().await.unwrap();
    assert!(problem(sent, 413).await.detail.starts_with("body: "));
    rig.holds_nothing().await;
}

#[tokio::test]
async fn a_web_page_of_another_origin_cannot_change_anything() {
    let rig = Rig::start().await;
    let post = || rig.post("/v1/jobs", JOB);
    problem(post().header(HOST, "evil.example").send().await.unwrap(), 421).await;
    problem(rig.get("/v1/jobs").header(HOST, "evil.example").send().await.unwrap(), 421).await;
    problem(post().header(ORIGIN, "http://evil.example").send().await.unwrap(), 403).await;
    let form = |media| {
        let form = rig.http.post(format!("{}/v1/jobs", rig.api));
        form.header(CONTENT_TYPE, media).body(JOB)
    };
    for media in ["text/plain", "application/x-www-form-urlencoded", "application/cloudevents+json"]
    {
        problem(form(media).send().await.unwrap(), 415).await;
    }
    problem(rig.http.post(format!("{}/v1/jobs", rig.api)).body(JOB).send().await.unwrap(), 415)
        .await;
    rig.holds_nothing().await;
    let own = post().header(ORIGIN, rig.api.clone()).send().await.unwrap();
    assert_eq!(own.status(), 202);
}

#[tokio::test]
async fn an_additional_host_name_applies_to_both_servers() {
    let rig = Rig::start_with(&["--allowed-hosts", "gateway"]).await;
    let named = rig.post("/v1/jobs", JOB).header(HOST, "gateway:8080").send().await.unwrap();
    assert_eq!(named.status(), 202);
    let admin = rig.http.get(format!("{}/healthz", rig.admin)).header(HOST, "gateway:9101");
    assert_eq!(admin.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let rig = Rig::start().await;
    for path in ["/", "/v1", "/v1/jobs/", "/v2/jobs", "/v1/jobs/a/b", "/readyz"] {
        problem(rig.get(path).send().await.unwrap(), 404).await;
    }
    let delete = rig.http.delete(format!("{}/v1/jobs", rig.api)).send().await.unwrap();
    assert_eq!(delete.headers()["allow"], "POST,GET,HEAD");
    problem(delete, 405).await;
    problem(rig.get("/v1/events").send().await.unwrap(), 405).await;
    problem(rig.get("/v1/jobs/no-id").send().await.unwrap(), 400).await;
    problem(rig.get("/v1/jobs/%ff").send().await.unwrap(), 400).await;
    let unknown = rig.get("/v1/jobs/019a0000-0000-7000-8000-000000000000");
    problem(unknown.send().await.unwrap(), 404).await;
}

#[tokio::test]
async fn an_invalid_fault_is_refused() {
    let rig = Rig::start_with(&["--faults", "on"]).await;
    for wrong in ["", "processor", "processor=fly", "mailer=error", &"processor=error;".repeat(40)]
    {
        let sent = rig.post("/v1/jobs", JOB).header("waybill-fault", wrong).send().await.unwrap();
        assert!(problem(sent, 400).await.detail.contains("waybill-fault"), "{wrong}");
    }
    let riding = rig.post("/v1/jobs", JOB).header("baggage", "waybill.fault=fly");
    assert!(problem(riding.send().await.unwrap(), 400).await.detail.contains("baggage"));
    rig.holds_nothing().await;
}

#[tokio::test]
async fn faults_are_refused_where_they_are_off() {
    let rig = Rig::start().await;
    let sent = rig.post("/v1/jobs", JOB).header("waybill-fault", "processor=error");
    let problem = problem(sent.send().await.unwrap(), 400).await;
    assert!(problem.detail.contains("WAYBILL_FAULTS=on"), "{}", problem.detail);
    rig.holds_nothing().await;
}
