//! Valid but unusual encodings are read; invalid items are counted one by one.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::telemetry::{START, trace_hex};
use crate::under_test::{Console, in_time};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// A length-delimited field with a length of two bytes.
fn field(number: u8, data: &[u8]) -> Vec<u8> {
    let [low, _] = (data.len() & 0x7f | 0x80).to_le_bytes()[..2] else { unreachable!() };
    let length = [low, u8::try_from(data.len() >> 7).unwrap()];
    [&[number << 3 | 2][..], &length, data].concat()
}

fn fixed64(number: u8, value: u64) -> Vec<u8> {
    [&[number << 3 | 1][..], &value.to_le_bytes()].concat()
}

/// An attribute in the collector's order: the value first.
fn reversed(key: &str, value: &str) -> Vec<u8> {
    [field(2, &field(1, value.as_bytes())), field(1, key.as_bytes())].concat()
}

/// An export whose resource is the last field.
fn reversed_export(item: &[u8]) -> Vec<u8> {
    let resource = field(1, &field(1, &reversed("service.name", "probe")));
    field(1, &[field(2, &field(2, item)), resource].concat())
}

async fn send(console: &Console, signal: &str, media: &str, body: Vec<u8>) -> (StatusCode, Value) {
    let answer = in_time(console.export(signal, media, body).send()).await.unwrap();
    let status = answer.status();
    let body = in_time(answer.bytes()).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

pub(crate) async fn send_json(
    console: &Console,
    signal: &str,
    body: &Value,
) -> (StatusCode, Value) {
    send(console, signal, JSON, body.to_string().into()).await
}

pub(crate) fn spans(spans: &Value) -> Value {
    json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})
}

fn metric(metric: &Value) -> Value {
    json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]})
}

#[tokio::test]
async fn a_span_is_found_by_job_and_attribute_with_any_order_of_its_fields() {
    let console = Console::start().await;
    let span = [
        field(9, &reversed("waybill.job.id", "probe-1")),
        field(9, &reversed("waybill.job.kind", "add")),
        field(9, &reversed("waybill.verdict", "retry")),
        fixed64(8, START + 1_000_000),
        fixed64(7, START),
        field(5, b"not this name"),
        field(5, b"probe"),
        field(2, &7_u64.to_be_bytes()),
        field(1, &7_u128.to_be_bytes()),
    ];
    let body = reversed_export(&span.concat());
    assert_eq!(send(&console, "traces", PROTOBUF, body).await.0, StatusCode::OK);
    for query in ["job=probe-1", "attribute=waybill.job.kind=add", "service=probe", "name=probe"] {
        let found = console.api(&format!("/api/traces?{query}")).await;
        assert_eq!(found["traces"][0]["job_id"], "probe-1", "{query}");
        assert_eq!(found["traces"][0]["root_name"], "probe", "{query}");
    }
    let none = console.api("/api/traces?name=not%20this").await;
    assert_eq!(none["traces"], json!([]));
    let page = console.page("/").await;
    assert!(page.contains("add") && page.contains("retry"), "{page}");
}

#[tokio::test]
async fn a_log_line_is_found_by_job_with_any_order_of_its_fields() {
    let console = Console::start().await;
    let line = [
        field(6, &reversed("job_id", "probe-1")),
        field(5, &field(1, b"said")),
        fixed64(11, START),
    ];
    let body = reversed_export(&line.concat());
    assert_eq!(send(&console, "logs", PROTOBUF, body).await.0, StatusCode::OK);
    let found = console.api("/api/logs?job=probe-1&service=probe&contains=said").await;
    assert_eq!(found["logs"][0]["attributes"]["job_id"], "probe-1");
}

#[tokio::test]
async fn a_series_is_the_same_with_any_order_of_its_attributes() {
    let console = Console::start().await;
    let point = |pairs: [(&str, &str); 2]| {
        let pairs = pairs.map(|(key, value)| json!({"value": {"stringValue": value}, "key": key}));
        metric(&json!({"name": "m", "gauge": {"dataPoints": [{"asInt": 1, "attributes": pairs}]}}))
    };
    for pairs in [[("a", "1"), ("b", "2")], [("b", "2"), ("a", "1")]] {
        assert_eq!(send_json(&console, "metrics", &point(pairs)).await.1, json!({}));
    }
    assert_eq!(console.count("metric_points", "stored").await, 1);
    assert_eq!(console.count("metric_points", "replaced").await, 1);
}

#[tokio::test]
async fn empty_lists_missing_fields_and_nulls_stay_distinct() {
    let console = Console::start().await;
    let odd = [
        json!({"key": "list", "value": {"arrayValue": {}}}),
        json!({"key": "map", "value": {"kvlistValue": {}}}),
        json!({"key": "nested", "value": {"arrayValue": {"values": [{"arrayValue": {}}, {}, null]}}}),
        json!({"value": {"stringValue": "no key"}}),
        json!({"key": "no value", "value": null}),
    ];
    let sent = spans(&json!([
        {"traceId": trace_hex(1), "spanId": "00000000000000a1", "attributes": odd, "events": null, "kind": "SPAN_KIND_SERVER"},
        {"trace_id": trace_hex(1), "span_id": "00000000000000A2", "start_time_unix_nano": 1.795_816e18},
    ]));
    assert_eq!(send_json(&console, "traces", &sent).await, (StatusCode::OK, json!({})));
    let kept = console.api(&format!("/api/traces/{}", trace_hex(1))).await;
    let kept = &kept["resourceSpans"][0]["scopeSpans"][0]["spans"];
    let value = |at: usize| kept[0]["attributes"][at]["value"].clone();
    assert_eq!(value(0), json!({"arrayValue": {"values": []}}));
    assert_eq!(value(1), json!({"kvlistValue": {"values": []}}));
    let empty = json!({"arrayValue": {"values": []}});
    assert_eq!(value(2), json!({"arrayValue": {"values": [empty, {}, {}]}}));
    assert_eq!(kept[0]["attributes"][3]["key"], "");
    assert_eq!((value(4), &kept[0]["kind"]), (Value::Null, &2.into()));
    assert_eq!(kept[1]["startTimeUnixNano"], "1795816000000000000");
    console.page(&format!("/traces/{}", trace_hex(1))).await;
}

#[tokio::test]
async fn every_valid_encoding_of_a_metric_is_kept() {
    let console = Console::start().await;
    for (name, data, kept) in [
        (
            "m1",
            json!({"sum": {"aggregationTemporality": "AGGREGATION_TEMPORALITY_CUMULATIVE", "isMonotonic": true,
            "dataPoints": [{"asInt": "7"}]}}),
            "/sum/dataPoints/0/asInt=\"7\"",
        ),
        (
            "m2",
            json!({"gauge": {"dataPoints": [{"asInt": 7.0, "attributes": null}]}}),
            "/gauge/dataPoints/0/asInt=\"7\"",
        ),
        (
            "m3",
            json!({"histogram": {"dataPoints": [{"count": "3", "sum": "Infinity", "bucketCounts": ["1", 2],
            "explicitBounds": ["Infinity"]}]}}),
            "/histogram/dataPoints/0/explicitBounds/0=\"Infinity\"",
        ),
        (
            "m4",
            json!({"gauge": {"data_points": [{"asInt": 7, "attributes": [{"key": "a", "value": {"arrayValue": {}}}]}]}}),
            "/gauge/dataPoints/0/attributes/0/key=\"a\"",
        ),
        (
            "m5",
            json!({"gauge": {"dataPoints": [{"asDouble": "NaN"}]}}),
            "/gauge/dataPoints/0/asDouble=\"NaN\"",
        ),
        (
            "m6",
            json!({"exponentialHistogram": {"dataPoints": [{"scale": "-1", "positive": {"offset": 1, "bucketCounts": ["1"]}}]}}),
            "/exponentialHistogram/dataPoints/0/positive/bucketCounts/0=\"1\"",
        ),
        (
            "m7",
            json!({"summary": {"dataPoints": [{"quantileValues": [{"quantile": "0.5", "value": "-Infinity"}]}]}}),
            "/summary/dataPoints/0/quantileValues/0/value=\"-Infinity\"",
        ),
    ] {
        let mut sent = data;
        sent["name"] = name.into();
        assert_eq!(
            send_json(&console, "metrics", &metric(&sent)).await,
            (StatusCode::OK, json!({})),
            "{name}"
        );
        let found = console.api(&format!("/api/metrics?name={name}")).await;
        let found = &found["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0];
        let (at, value) = kept.split_once('=').unwrap();
        assert_eq!(found.pointer(at).unwrap().to_string(), value, "{found}");
    }
}

#[tokio::test]
async fn an_invalid_item_is_counted_and_the_others_are_kept() {
    let console = Console::start().await;
    let good = |id: &str| json!({"traceId": trace_hex(1), "spanId": id});
    let sent =
        spans(&json!([good("00000000000000a1"), {"name": 7}, null, good("00000000000000a2")]));
    let (status, reply) = send_json(&console, "traces", &sent).await;
    assert_eq!((status, &reply["partialSuccess"]["rejectedSpans"]), (StatusCode::OK, &"2".into()));
    let message = reply["partialSuccess"]["errorMessage"].as_str().unwrap();
    assert!(message.contains("spans[1].name must be a string"), "{message}");
    assert_eq!(console.count("spans", "stored").await, 2);

    let points = json!([{"asInt": 1}, {"asInt": "x"}, {"asInt": 2, "attributes": [{"key": "a"}]}]);
    let sent = metric(&json!({"name": "m", "gauge": {"dataPoints": points}}));
    let (status, reply) = send_json(&console, "metrics", &sent).await;
    assert_eq!(
        (status, &reply["partialSuccess"]["rejectedDataPoints"]),
        (StatusCode::OK, &"1".into())
    );
    assert_eq!(console.count("metric_points", "stored").await, 2);

    let lines = json!([{"body": {"stringValue": "good"}}, {"traceId": "zz"}]);
    let sent = json!({"resourceLogs": [
        {"scopeLogs": [{"logRecords": lines}]},
        {"resource": {"attributes": 7}, "scopeLogs": [{"logRecords": [{}, {}]}]},
    ]});
    let (status, reply) = send_json(&console, "logs", &sent).await;
    assert_eq!(
        (status, &reply["partialSuccess"]["rejectedLogRecords"]),
        (StatusCode::OK, &"3".into())
    );
    assert_eq!(console.count("logs", "stored").await, 1);

    let nothing = metric(&json!({"name": 7, "gauge": {"dataPoints": [{}]}}));
    let (status, reply) = send_json(&console, "metrics", &nothing).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        reply["message"].as_str().unwrap().contains("metrics[0].name must be a string"),
        "{reply}"
    );
}
