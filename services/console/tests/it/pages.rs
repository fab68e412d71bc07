//! The pages, without script.

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::span::Link;
use prost::Message;
use reqwest::StatusCode;

use crate::telemetry::{
    START, attribute, export, export_logs, failed, line, span, text, trace_hex, with,
};
use crate::under_test::{Console, in_time};

const HOSTILE: &str = "<script>alert('x')</script>\" onload=\"alert(1)";

fn page_of(trace: u128) -> String {
    format!("/traces/{}", trace_hex(trace))
}

#[tokio::test]
async fn text_from_outside_is_escaped() {
    let console = Console::start().await;
    let mut hostile =
        with(span(1, 1, 0, HOSTILE), [text(HOSTILE, HOSTILE), text("waybill.job.id", HOSTILE)]);
    hostile = with(
        failed(hostile, HOSTILE),
        [text("waybill.verdict", HOSTILE), text("waybill.fault", HOSTILE)],
    );
    console.send(export(HOSTILE, vec![hostile])).await;
    let body = export_logs(HOSTILE, vec![line(1, 1, 17, HOSTILE)]).encode_to_vec();
    in_time(console.export("logs", "application/x-protobuf", body).send()).await.unwrap();
    let search = "/?name=%22%3E%3Cscript%3Ealert('x')%3C/script%3E";
    for path in ["/", &page_of(1), &format!("/parts{}", page_of(1)), search, "/jobs/%3Cscript%3E"] {
        let (_, page) = console.any_page(path).await;
        assert!(!page.contains("<script>alert"), "{path}");
        assert!(!page.contains("\" onload"), "{path}");
    }
    assert!(console.page(&page_of(1)).await.contains("&lt;script&gt;alert"));
}

#[tokio::test]
async fn a_trace_shows_attempts_verdicts_orphans_skew_links_and_its_log_lines() {
    let console = Console::start().await;
    let verdict = |span, attempt, verdict: &str| {
        with(
            span,
            [
                attribute("waybill.job.attempt", Any::IntValue(attempt)),
                text("waybill.verdict", verdict),
            ],
        )
    };
    let mut second = verdict(span(1, 5, 2, "process jobs.todo.add"), 2, "done");
    let to = |trace: u128, span: u64| Link {
        trace_id: trace.to_be_bytes().to_vec(),
        span_id: span.to_be_bytes().to_vec(),
        ..Default::default()
    };
    second.links = vec![to(1, 4), to(99, 7)];
    let lost = failed(verdict(span(1, 4, 2, "process jobs.todo.add"), 1, "lost"), "worker lost");
    let orphan = span(1, 6, 0x77, "span without parent");
    let mut early = span(1, 7, 5, "early");
    early.start_time_unix_nano = START;
    early.end_time_unix_nano = START - 1;
    console.send(export("gateway", vec![span(1, 2, 0, "publish jobs.todo.add")])).await;
    console.send(export("processor", vec![second, lost, orphan, early])).await;
    let mut log = line(1, 6, 13, "attempt 1 was lost");
    log.span_id = 4_u64.to_be_bytes().to_vec();
    let body = export_logs("processor", vec![log]).encode_to_vec();
    in_time(console.export("logs", "application/x-protobuf", body).send()).await.unwrap();

    let page = console.page(&page_of(1)).await;
    for expected in [
        "class=\"pill lost\">lost",
        "class=\"pill good\">done",
        "class=\"pill orphan\"",
        "clock −5.00 ms",
        "ends early",
        "attempt 1 was lost",
        "href=\"#s-0000000000000004\"",
        "href=\"/traces/00000000000000000000000000000063#s-0000000000000007\"",
        "0000000000000077 is not in this console",
    ] {
        assert!(page.contains(expected), "{expected}");
    }
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}"));
    let rows: Vec<_> = ["s-0000000000000002", "s-0000000000000004", "s-0000000000000005"]
        .map(|id| at(&format!("id=\"{id}\"")))
        .into();
    assert!(rows.is_sorted(), "parents before children, attempts by time");
    assert!(!page.contains(" style="), "the policy forbids inline style");
}

#[tokio::test]
async fn a_trace_with_impossible_times_and_parents_is_still_drawn() {
    let console = Console::start().await;
    let mut forever = span(1, 1, 2, "each other's parent");
    (forever.start_time_unix_nano, forever.end_time_unix_nano) = (0, u64::MAX);
    let itself = span(1, 3, 3, "its own parent");
    console.send(export("loop", vec![forever, span(1, 2, 1, "each other's child"), itself])).await;
    let deep = (1..=2_000).map(|id| span(2, id, id - 1, "chain")).collect();
    console.send(export("loop", deep)).await;

    let page = console.page(&page_of(1)).await;
    assert_eq!(page.matches("<details").count(), 3);
    assert!(!page.contains("NaN") && !page.contains("inf%"));
    let page = console.page(&page_of(2)).await;
    assert_eq!(page.matches("<details").count(), 1_000);
    assert!(page.contains("of 2\u{202f}000 spans"));
}

#[tokio::test]
async fn a_trace_that_has_not_arrived_has_a_page_that_refreshes() {
    let console = Console::start().await;
    let (status, page) = console.any_page(&page_of(1)).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let part = format!("/parts{}", page_of(1));
    assert!(page.contains(&format!("data-refresh=\"{part}\"")));
    console.send(export("gateway", vec![span(1, 1, 0, "POST /v1/jobs")])).await;
    assert!(console.page(&part).await.contains("POST /v1/jobs"));
    assert_eq!(console.any_page("/traces/none").await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_list_can_be_searched_and_shows_the_search() {
    let console = Console::start().await;
    console.send(export("gateway", vec![span(1, 1, 0, "good one")])).await;
    console.send(export("gateway", vec![failed(span(2, 1, 0, "bad one"), "no")])).await;
    let page = console.page("/?status=error&service=&min_duration_ms=").await;
    assert!(page.contains("bad one") && !page.contains("good one"));
    assert!(page.contains("<option value=\"error\" selected>"));
    assert!(
        page.contains(
            "data-refresh=\"/parts/traces?status=error&amp;service=&amp;min_duration_ms=\""
        )
    );
    let (status, page) = console.any_page("/?status=purple").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(page.contains("status"));
}

#[tokio::test]
async fn evictions_are_shown_on_the_page() {
    let console = Console::with(|config| config.spans_max = 1).await;
    for trace in 1..=3 {
        console.send(export("gateway", vec![span(trace, 1, 0, "a")])).await;
    }
    assert!(console.page("/").await.contains("2 older ones were evicted"));
}

#[tokio::test]
async fn pages_load_only_the_consoles_own_assets() {
    let console = Console::start().await;
    let page = console.page("/").await;
    for (name, media) in [
        ("console.css", "text/css; charset=utf-8"),
        ("console.js", "text/javascript; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ] {
        assert!(page.contains(&format!("\"/assets/{name}\"")), "{name}");
        let answer = in_time(console.get(&format!("/assets/{name}")).send()).await.unwrap();
        assert_eq!(answer.headers()["content-type"], media);
    }
    assert!(!page.contains("http://") || !page.contains("src=\"http"), "nothing from elsewhere");
    assert_eq!(console.any_page("/assets/other").await.0, StatusCode::NOT_FOUND);
    assert_eq!(console.any_page("/nowhere").await.0, StatusCode::NOT_FOUND);
}
