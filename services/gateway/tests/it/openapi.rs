//! The API's own description: complete, true, and readable by people.

use std::collections::BTreeSet;

use contract::Stage;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::rig::{JOB, Rig, own_headers};

/// Every call there is, as the design lists them.
const CALLS: [&str; 16] = [
    "DELETE /v1/dead-letters/{seq}",
    "GET /v1/dead-letters",
    "GET /v1/dead-letters/{seq}",
    "GET /v1/jobs",
    "GET /v1/jobs/{id}",
    "GET /v1/jobs/{id}/events",
    "GET /v1/jobs/{id}/operations",
    "GET /v1/jobs/{id}/operations/{n}",
    "GET /v1/jobs/{id}/operations/{n}/image",
    "GET /v1/queues",
    "POST /v1/dead-letters/redrive",
    "POST /v1/dead-letters/{seq}/redrive",
    "POST /v1/events",
    "POST /v1/jobs",
    "POST /v1/jobs/{id}/cancel",
    "POST /v1/jobs/{id}/retry",
];
const METHODS: [Method; 5] =
    [Method::GET, Method::POST, Method::DELETE, Method::PUT, Method::PATCH];
const NO_JOB: &str = "019a0000-0000-7000-8000-000000000000";

async fn document(rig: &Rig) -> Value {
    let answer = rig.get("/openapi.json").send().await.unwrap().error_for_status().unwrap();
    assert_eq!(answer.headers()["content-type"], "application/json");
    answer.json().await.unwrap()
}

fn documented(api: &Value) -> BTreeSet<String> {
    let paths = api["paths"].as_object().unwrap().iter();
    let calls = paths.flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().keys();
        methods.map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    calls.collect()
}

/// `path` about things that are not there.
fn filled(path: &str) -> String {
    path.replace("{id}", NO_JOB).replace("{n}", "0").replace("{seq}", "999")
}

#[tokio::test]
async fn every_route_is_described_and_every_description_has_a_route() {
    let rig = Rig::start().await;
    let api = document(&rig).await;
    let calls = documented(&api);
    assert_eq!(calls, CALLS.map(str::to_owned).into());
    for path in api["paths"].as_object().unwrap().keys() {
        for method in METHODS {
            let request = rig.http.request(method.clone(), rig.api.clone() + &filled(path));
            let answer = request.send().await.unwrap();
            let is_described = calls.contains(&format!("{method} {path}"));
            assert_eq!(answer.status() != 405, is_described, "{method} {path}");
            assert!(!answer.text().await.unwrap().contains("No such endpoint"), "{path}");
        }
    }
    // A route that is added by hand is described nowhere.
    let source = include_str!("../../src/routes.rs");
    assert_eq!(source.matches(".routes(routes!(").count(), CALLS.len());
    assert!(!source.contains(".route(") && !source.contains(".nest("));
}

#[tokio::test]
async fn references_resolve_and_names_are_unique() {
    let rig = Rig::start().await;
    let api = document(&rig).await;
    assert!(api["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut wrong = Vec::new();
    check_references(&api, &api, &mut wrong);
    assert_eq!(wrong, Vec::<String>::new());
    let mut ids = BTreeSet::new();
    for call in CALLS {
        let operation = operation(&api, call);
        let path = call.split_once(' ').unwrap().1;
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{call}");
        assert!(operation["summary"].as_str().is_some_and(|text| text.ends_with('.')), "{call}");
        let in_path: Vec<_> = operation["parameters"].as_array().into_iter().flatten().collect();
        let in_path = in_path.iter().filter(|one| one["in"] == "path");
        let named: Vec<_> =
            in_path.map(|one| format!("{{{}}}", one["name"].as_str().unwrap())).collect();
        assert!(named.iter().all(|name| path.contains(name.as_str())), "{call}");
        assert_eq!(named.len(), path.matches('{').count(), "{call}");
    }
}

#[tokio::test]
async fn a_parameter_that_may_be_left_out_is_never_null() {
    let api = document(&Rig::start().await).await;
    for call in CALLS {
        for parameter in operation(&api, call)["parameters"].as_array().into_iter().flatten() {
            let schema = parameter["schema"].to_string();
            assert!(!schema.contains("null"), "{call} {}: {schema}", parameter["name"]);
        }
    }
}

fn check_references(api: &Value, part: &Value, wrong: &mut Vec<String>) {
    match part {
        Value::Object(fields) => {
            if let Some(target) = fields.get("$ref").and_then(Value::as_str) {
                let found = target.strip_prefix('#').and_then(|pointer| api.pointer(pointer));
                wrong.extend(found.is_none().then(|| target.to_owned()));
            }
            fields.values().for_each(|inner| check_references(api, inner, wrong));
        }
        Value::Array(items) => items.iter().for_each(|inner| check_references(api, inner, wrong)),
        _ => {}
    }
}

fn operation<'a>(api: &'a Value, call: &str) -> &'a Value {
    let (method, path) = call.split_once(' ').unwrap();
    &api["paths"][path][method.to_lowercase()]
}

/// Sends `request`, which is a `call`, and holds its answer against the description.
async fn conforms(api: &Value, call: &str, status: u16, request: RequestBuilder) {
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status().as_u16(), status, "{call}");
    let described = operation(api, call)["responses"].get(status.to_string());
    let described = described.unwrap_or_else(|| panic!("{call} does not describe a {status}"));
    for name in described["headers"].as_object().into_iter().flatten().map(|(name, _)| name) {
        let is_there = answer.headers().contains_key(name.as_str());
        assert!(is_there || name == "Retry-After", "{call} {status} has no {name}");
    }
    let media = answer.headers().get("content-type").map(|media| media.to_str().unwrap());
    let Some(media) = media else {
        assert!(described.get("content").is_none(), "{call} {status} has no body");
        return;
    };
    let content = described["content"].get(media);
    let content = content.unwrap_or_else(|| panic!("{call} {status} does not describe {media}"));
    if media.ends_with("json") {
        let body: Value = answer.json().await.unwrap();
        has_required(api, &content["schema"], &body, call);
    }
}

fn has_required(api: &Value, schema: &Value, body: &Value, call: &str) {
    let schema = match schema["$ref"].as_str() {
        Some(target) => api.pointer(&target[1..]).unwrap(),
        None => schema,
    };
    for part in schema["allOf"].as_array().into_iter().flatten() {
        has_required(api, part, body, call);
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(body.get(name.as_str().unwrap()).is_some(), "{call}: no {name} in {body}");
    }
}

#[tokio::test]
async fn responses_conform_to_the_description() {
    let rig = Rig::start().await;
    let api = document(&rig).await;
    let (waits, dead) = (rig.queued(JOB).await.id, rig.queued(JOB).await);
    rig.change(dead.id, |record| record.state = contract::state::JobState::Dead).await;
    let body = serde_json::to_vec(&dead).unwrap();
    let headers = own_headers("dev.waybill.job.todo");
    let mut dead_letters = Vec::new();
    for _ in 0..2 {
        dead_letters.push(
            rig.dead_letter(Stage::Processor, "jobs.todo.add", &headers, body.clone())
                .await
                .to_string(),
        );
    }
    let event = json!({"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}).to_string();
    let at = |path: &str| {
        path.replace("{id}", &waits.to_string())
            .replace("{n}", "0")
            .replace("{seq}", &dead_letters[0])
    };
    for (call, status) in [
        ("GET /v1/jobs", 200),
        ("GET /v1/jobs/{id}", 200),
        ("GET /v1/jobs/{id}/operations", 200),
        ("GET /v1/jobs/{id}/operations/{n}", 200),
        ("GET /v1/jobs/{id}/operations/{n}/image", 404),
        ("GET /v1/queues", 200),
        ("GET /v1/dead-letters", 200),
        ("GET /v1/dead-letters/{seq}", 200),
        ("POST /v1/jobs", 202),
        ("POST /v1/events", 202),
        ("POST /v1/jobs/{id}/retry", 409),
        ("GET /v1/jobs/{id}/events", 200),
        ("POST /v1/jobs/{id}/cancel", 202),
        ("POST /v1/jobs/{id}/cancel", 409),
        ("POST /v1/jobs/{id}/retry", 202),
        ("POST /v1/dead-letters/{seq}/redrive", 202),
        ("POST /v1/dead-letters/{seq}/redrive", 404),
        ("POST /v1/dead-letters/redrive", 200),
    ] {
        let (method, path) = call.split_once(' ').unwrap();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = rig.http.request(method, rig.api.clone() + &at(path));
        let body = match path {
            "/v1/jobs" => Some(JOB.to_owned()),
            "/v1/events" => Some(event.clone()),
            "/v1/dead-letters/redrive" => Some("{}".to_owned()),
            _ => None,
        };
        let request = match body.filter(|_| call.starts_with("POST")) {
            Some(body) => request.header("content-type", "application/json").body(body),
            None => request,
        };
        conforms(&api, call, status, request).await;
    }
    let deleted = rig.http.delete(format!("{}/v1/dead-letters/{}", rig.api, dead_letters[1]));
    conforms(&api, "DELETE /v1/dead-letters/{seq}", 204, deleted).await;
}

#[tokio::test]
async fn error_responses_conform_to_the_description() {
    let rig = Rig::start().await;
    let api = document(&rig).await;
    for call in CALLS {
        let (method, path) = call.split_once(' ').unwrap();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = |path: &str| rig.http.request(method.clone(), rig.api.clone() + path);
        let elsewhere = request(&filled(path)).header("host", "evil.example");
        conforms(&api, call, 421, elsewhere).await;
        if path.contains('{') {
            conforms(&api, call, 404, request(&filled(path))).await;
            let no_name = path.replace("{id}", "x").replace("{n}", "x").replace("{seq}", "x");
            conforms(&api, call, 400, request(&no_name)).await;
        }
        if method != Method::GET {
            let page = request(&filled(path)).header("origin", "http://evil.example");
            conforms(&api, call, 403, page).await;
            let form = request(&filled(path)).header("content-type", "text/plain").body("x");
            conforms(&api, call, 415, form).await;
        }
        if !operation(&api, call)["requestBody"].is_null() {
            for (body, status) in [("{".to_owned(), 400), ("x".repeat(300 * 1024), 413)] {
                let sent = request(path).header("content-type", "application/json").body(body);
                conforms(&api, call, status, sent).await;
            }
        }
    }
    rig.holds_nothing().await;
}

#[tokio::test]
async fn the_page_shows_every_call_and_schema_and_loads_nothing() {
    let rig = Rig::start().await;
    let api = document(&rig).await;
    let answer = rig.get("/docs").send().await.unwrap().error_for_status().unwrap();
    assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
    let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; style-src 'unsafe-inline'"), "{policy}");
    let page = answer.text().await.unwrap();
    for call in CALLS {
        let id = operation(&api, call)["operationId"].as_str().unwrap();
        let path = call.split_once(' ').unwrap().1;
        assert!(page.contains(&format!("<code>{path}</code>")), "{call}");
        assert!(page.contains(&format!(r#"<article id="{id}">"#)), "{call}");
        assert!(page.contains(&format!(r##"<a href="#{id}">"##)), "{call}");
    }
    let targets: BTreeSet<&str> =
        page.split(r#" href=""#).skip(1).filter_map(|rest| rest.split('"').next()).collect();
    for target in targets {
        let inside = target.strip_prefix('#');
        let leads = inside.is_some_and(|id| page.contains(&format!(r#"id="{id}""#)));
        assert!(leads || target == "/openapi.json", "{target}");
    }
    for outside in ["<script", "<link", "<img", "<iframe", "@import", "url(", " src=", "http://"] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(!page.contains('`'), "code is shown as such");
}
