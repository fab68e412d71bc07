//! Tests of standard variables that the SDK alone does not handle as specified.

use testkit::OtlpSink;

use crate::probe::{ProbeOrder, ProbeOutcome, probe};

async fn story(sink: &OtlpSink, variables: &[(&str, &str)]) -> ProbeOutcome {
    let endpoint = sink.endpoint();
    let endpoint = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str())];
    probe(ProbeOrder::Story, &[&endpoint, variables].concat()).await
}

fn services(sink: &OtlpSink) -> Vec<String> {
    let mut services: Vec<String> = sink.spans().into_iter().map(|span| span.service).collect();
    services.dedup();
    services
}

#[tokio::test]
async fn the_service_name_is_the_most_specific_one_given() {
    let attributes = ("OTEL_RESOURCE_ATTRIBUTES", "service.name=from%20attributes,x=y");
    let sink = OtlpSink::start().await;
    story(&sink, &[attributes]).await;
    assert_eq!(services(&sink), ["from attributes"]);
    sink.clear();
    let outcome = story(&sink, &[attributes, ("OTEL_SERVICE_NAME", "named")]).await;
    assert_eq!(services(&sink), ["named"]);
    assert_eq!(outcome.lines[0]["service"], "named");
    sink.clear();
    story(&sink, &[("OTEL_SERVICE_NAME", ""), ("OTEL_RESOURCE_ATTRIBUTES", "")]).await;
    assert_eq!(services(&sink), ["processor"]);
}

#[tokio::test]
async fn a_switched_off_sdk_sends_nothing_and_jobs_keep_their_trace_ids() {
    for off in [("OTEL_SDK_DISABLED", "TRUE"), ("WAYBILL_TELEMETRY", "off")] {
        let sink = OtlpSink::start().await;
        let outcome = story(&sink, &[off]).await;
        assert_eq!((sink.requests(), outcome.lines.len()), (0, 2), "{off:?}");
        assert_eq!(outcome.lines[0]["trace_id"], outcome.report.trace_id.as_str());
        assert!(!outcome.report.metrics.contains("trace_id"), "no exemplar of an unsampled trace");
    }
}

#[tokio::test]
async fn an_unsampled_trace_sends_no_spans_and_its_lines_keep_its_id() {
    let sink = OtlpSink::start().await;
    let outcome = story(&sink, &[("OTEL_TRACES_SAMPLER", "always_off")]).await;
    assert!(sink.spans().is_empty());
    assert_eq!(sink.logs_of(&outcome.report.trace_id).len(), 2);
}

#[tokio::test]
async fn an_unusable_value_counts_as_not_set() {
    let sink = OtlpSink::start().await;
    let odd = [
        ("OTEL_BSP_SCHEDULE_DELAY", "soon"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", ""),
        ("OTEL_SDK_DISABLED", "1"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_PROPAGATORS", "b3"),
    ];
    let outcome = story(&sink, &odd).await;
    let reported = outcome.lines.iter().filter(|line| {
        line["message"].as_str().is_some_and(|text| text.starts_with("variable ignored"))
    });
    assert_eq!((sink.spans().len(), reported.count()), (3, 5), "each is named, but the empty one");
}
