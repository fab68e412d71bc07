//! The jobs on the first page, and the redirect from a job to its trace.

use axum::extract::{Path, RawQuery};
use axum::routing::get;
use axum::{Json, Router};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::Instant;
use url::Url;

use crate::telemetry::{export, span, text, trace_hex, with};
use crate::under_test::{Console, in_time};

/// A console with a gateway that responds with these jobs.
pub(crate) async fn console_beside(jobs: Value) -> Console {
    let list = jobs.clone();
    let router = Router::new().route("/v1/jobs", get(move || async move { Json(list) })).route(
        "/v1/jobs/{id}",
        get(move |Path(id): Path<String>| async move {
            let found = jobs["jobs"].as_array().unwrap().iter().find(|job| job["id"] == id);
            found.cloned().map(Json).ok_or(StatusCode::NOT_FOUND)
        }),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    Console::with(|config| config.gateway_url = Url::parse(&url).unwrap()).await
}

#[tokio::test]
async fn recent_jobs_link_to_their_traces_even_if_fields_are_missing() {
    let console = console_beside(json!({"jobs": [
        {"id": "j-2", "name": "<b>sum</b>", "kind": "add", "state": "retrying", "attempts": 2,
         "trace_id": trace_hex(2), "accepted_at": "2026-10-09T08:53:20.123Z"},
        {"id": "j-1"},
        {"id": "../evil?", "name": 7, "accepted_at": "<soon>", "trace_id": "javascript:alert(1)"},
    ], "next_cursor": null}))
    .await;
    let page = console.page("/").await;
    assert!(page.contains(&format!("href=\"/traces/{}\"", trace_hex(2))));
    assert!(page.contains("&lt;b&gt;sum&lt;/b&gt;"));
    assert!(page.contains("retrying") && page.contains("#2") && page.contains("08:53:20.123"));
    assert!(page.contains("href=\"/jobs/j-1\""));
    assert!(!page.contains("href=\"javascript") && !page.contains("href=\"/jobs/.."));
}

#[tokio::test]
async fn a_job_redirects_to_its_trace_from_the_store_or_the_gateway() {
    let jobs = json!({"jobs": [{"id": "j-1", "trace_id": trace_hex(1)}, {"id": "j-3"}]});
    let console = console_beside(jobs).await;
    let stored = with(span(2, 1, 0, "process"), [text("waybill.job.id", "j-2")]);
    console.send(export("processor", vec![stored])).await;
    for (job, trace) in [("j-1", 1), ("j-2", 2)] {
        let answer = in_time(console.get(&format!("/jobs/{job}")).send()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        assert_eq!(answer.headers()["location"], format!("/traces/{}", trace_hex(trace)));
    }
    for unknown in ["j-3", "j-9", "..%2Fevil"] {
        let (status, page) = console.any_page(&format!("/jobs/{unknown}")).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(page.contains("No trace of this job"));
    }
}

#[tokio::test]
async fn without_a_gateway_the_page_reports_it_and_shows_the_traces() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let url = Url::parse(&format!("http://{free}")).unwrap();
    let console = Console::with(|config| config.gateway_url = url).await;
    console.send(export("gateway", vec![span(1, 1, 0, "still here")])).await;
    let page = console.page("/").await;
    assert!(page.contains("cannot be reached") && page.contains("still here"));
}

#[tokio::test]
async fn a_gateway_that_never_responds_delays_the_page_by_two_seconds_once() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}", silent.local_addr().unwrap())).unwrap();
    let console = Console::with(|config| config.gateway_url = url).await;
    let began = Instant::now();
    let (first, second) = tokio::join!(console.page("/"), console.page("/parts/jobs"));
    assert!(first.contains("did not respond") && second.contains("did not respond"));
    assert!(began.elapsed().as_secs_f64() < 3.5, "one request for both: {:?}", began.elapsed());
}

#[tokio::test]
async fn a_response_that_is_not_a_list_of_jobs_is_reported() {
    let console = console_beside(json!({"jobs": {"not": "a list"}})).await;
    assert!(console.page("/parts/jobs").await.contains("not a list of jobs"));
    let console = console_beside(json!({"jobs": []})).await;
    assert!(console.page("/parts/jobs").await.contains("No jobs yet"));
}

#[tokio::test]
async fn a_running_job_stays_first_and_the_labs_own_jobs_are_shown_on_request() {
    let job = |id: &str, name: &str, state: &str| json!({"id": id, "name": name, "state": state});
    let recent: Vec<Value> =
        (0..50).map(|n| job(&format!("j-9{n:02}"), "short", "succeeded")).collect();
    let answer = move |query: String| match (query.contains("state="), query.contains("source=all"))
    {
        (true, _) if query.contains("state=running") => {
            json!({"jobs": [job("j-100", "the long one", "running")]})
        }
        (true, _) => json!({"jobs": [job("j-200", "again and again", "retrying")]}),
        (false, false) => json!({"jobs": recent.clone()}),
        (false, true) => json!({"jobs": [job("j-300", "random 0001", "succeeded")]}),
    };
    let router = Router::new().route(
        "/v1/jobs",
        get(
            move |RawQuery(query): RawQuery| async move { Json(answer(query.unwrap_or_default())) },
        ),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let console = Console::with(|config| config.gateway_url = Url::parse(&url).unwrap()).await;

    let page = console.page("/").await;
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}"));
    assert!(at("again and again") < at("the long one") && at("the long one") < at("short"));
    assert!(!page.contains("random 0001") && page.contains("/?jobs=all"));
    for path in ["/?jobs=all", "/parts/jobs?jobs=all"] {
        let page = console.page(path).await;
        assert!(page.contains("random 0001") && page.contains("the long one"), "{path}");
    }
    assert!(console.page("/?jobs=all&service=x").await.contains("random 0001"));
}
