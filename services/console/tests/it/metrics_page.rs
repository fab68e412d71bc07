//! The page with the charts, without script.

use std::sync::Arc;

use contract::propagation::TraceParent;
use contract::signals::{ATTEMPTS, STAGE_DURATION};
use testkit::eventually;

use crate::scrape::{console_of, processor, serve, target};
use crate::telemetry::trace_hex;
use crate::under_test::{Console, STEP_LIMIT};

#[tokio::test]
async fn without_metrics_the_page_explains_how_to_send_them() {
    let console = Console::start().await;
    let page = console.page("/metrics").await;
    assert!(page.contains("No metrics yet") && page.contains("WAYBILL_SCRAPE_TARGETS"));
    assert!(page.contains("data-refresh=\"/parts/metrics\""));
    assert!(page.contains("href=\"/metrics\" aria-current=\"page\""), "it is in the navigation");
}

#[tokio::test]
async fn a_chart_has_lines_and_dots_that_link_to_the_observed_span() {
    let (metrics, served) = (processor(), Arc::default());
    let observe = |trace_id: u128, seconds: f64| {
        let span = TraceParent { trace_id, span_id: 9, sampled: true };
        let span = telemetry::context::span_context(span);
        metrics.observe_for(&STAGE_DURATION, &["processor", "done"], seconds, &span);
        metrics.count(&ATTEMPTS, &["processor", "done"]);
        serve(&served, &metrics);
    };
    observe(1, 0.02);
    let console = console_of(&[("processor", target(Arc::clone(&served)).await)]).await;
    let shows = async |trace: u128| {
        let page = console.page("/parts/metrics").await;
        page.contains(&format!("href=\"/traces/{}#s-0000000000000009\"", trace_hex(trace)))
    };
    eventually(STEP_LIMIT, "the first dot", async || shows(1).await).await;
    observe(2, 4.2);
    eventually(STEP_LIMIT, "the second dot", async || shows(2).await).await;

    let page = console.page("/metrics").await;
    assert!(page.contains("processor done 4.2 s, open its trace"), "a dot has a label");
    assert!(page.contains("<path class=\"service-2\""), "p95 is a line: {page}");
    assert!(page.contains("processor p50") && page.contains("processor p95"));
    assert!(page.matches("<figure").count() == 8, "few charts");
    assert!(!page.contains(" style=") && !page.contains("NaN") && !page.contains("inf"));
}
