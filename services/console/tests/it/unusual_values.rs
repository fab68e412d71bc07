//! Telemetry with unusual but valid values: numbers that are not finite, log events, implausible timestamps.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::encodings::{send_json, spans};
use crate::telemetry::{START, trace_hex};
use crate::under_test::Console;

#[tokio::test]
async fn nan_and_infinities_are_shown_by_their_names() {
    let console = Console::start().await;
    let attribute = |key: &str, value: &str| json!({"key": key, "value": {"doubleValue": value}});
    let attributes =
        [attribute("a", "NaN"), attribute("b", "-Infinity"), attribute("c", "Infinity")];
    let span =
        json!({"traceId": trace_hex(1), "spanId": "00000000000000a1", "attributes": attributes});
    assert_eq!(send_json(&console, "traces", &spans(&json!([span]))).await.0, StatusCode::OK);
    let kept = console.api(&format!("/api/traces/{}", trace_hex(1))).await;
    let kept = kept.pointer("/resourceSpans/0/scopeSpans/0/spans/0/attributes").unwrap();
    assert_eq!(kept, &json!(attributes));
    let page = console.page(&format!("/traces/{}", trace_hex(1))).await;
    for value in ["<td>NaN</td>", "<td>-Infinity</td>", "<td>Infinity</td>"] {
        assert!(page.contains(value), "{value}: {page}");
    }
    let by_value = console.api("/api/traces?attribute=b=-Infinity").await;
    assert_eq!(by_value["traces"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_event_name_and_the_severity_text_of_a_log_record_are_shown() {
    let console = Console::start().await;
    let line = |rest: Value| {
        let mut line = json!({"timeUnixNano": START.to_string(), "traceId": trace_hex(4)});
        line.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        line
    };
    let lines = [
        line(json!({"eventName": "order.shipped", "body": {}})),
        line(json!({"severityText": "Information", "body": {"stringValue": "text only"}})),
        line(
            json!({"severityNumber": 17, "severityText": "CRIT", "body": {"stringValue": "both"}}),
        ),
    ];
    let sent = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": lines}]}]});
    assert_eq!(send_json(&console, "logs", &sent).await, (StatusCode::OK, json!({})));
    let span = json!({"traceId": trace_hex(4), "spanId": "00000000000000a1", "startTimeUnixNano": START.to_string()});
    send_json(&console, "traces", &spans(&json!([span]))).await;

    let logs = console.api(&format!("/api/logs?trace_id={}", trace_hex(4))).await;
    let [both, text, event] = [0, 1, 2].map(|at| logs["logs"][at].clone());
    assert_eq!(
        (&event["event_name"], &event["severity"]),
        (&json!("order.shipped"), &json!("unspecified"))
    );
    assert_eq!(
        (&text["severity"], &text["severity_text"]),
        (&json!("info"), &json!("Information"))
    );
    assert_eq!((&both["severity"], &both["severity_text"]), (&json!("error"), &json!("CRIT")));
    let page = console.page(&format!("/traces/{}", trace_hex(4))).await;
    for text in ["order.shipped", "Information", "CRIT", "text only"] {
        assert!(page.contains(text), "{text}");
    }
    let by_name = console.api("/api/logs?contains=shipped").await;
    assert_eq!(by_name["logs"].as_array().unwrap().len(), 1);
    let by_text = console.api("/api/logs?severity=info&trace_id=".to_owned().as_str()).await;
    assert_eq!(by_text["logs"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_span_with_implausible_times_does_not_stretch_its_trace_and_is_marked() {
    let max = u64::MAX;
    for (start, end) in [
        (0, 0),
        (max, max),
        (0, START + 5),
        (START + 5, 0),
        (START / 1_000_000, START / 1_000_000 + 3),
    ] {
        let console = Console::start().await;
        let times = |id: &str, start: u64, end: u64| {
            json!({"traceId": trace_hex(1), "spanId": id, "name": format!("span {id}"),
                "startTimeUnixNano": start.to_string(), "endTimeUnixNano": end.to_string()})
        };
        let sent = [
            times("00000000000000a1", START, START + 10_000_000),
            times("00000000000000a2", start, end),
        ];
        assert_eq!(send_json(&console, "traces", &spans(&json!(sent))).await.0, StatusCode::OK);
        let listed = console.api("/api/traces").await;
        let trace = &listed["traces"][0];
        assert_eq!(
            (&trace["duration_ms"], &trace["start_unix_ms"]),
            (&10.0.into(), &(START / 1_000_000).into())
        );
        assert_eq!(trace["root_name"], "span 00000000000000a1");
        let page = console.page(&format!("/traces/{}", trace_hex(1))).await;
        assert_eq!(page.matches(">no time<").count(), 1, "{start} {end}: {page}");
        assert!(page.contains("<dd>10.0 ms</dd>"), "{page}");
    }
}
