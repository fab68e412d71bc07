//! Parses an export in protobuf or JSON as the console does.
//!
//! An accepted export is canonical, not longer than before, identical after a round trip through JSON, and valid for `prost`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
    trace::v1::ExportTraceServiceRequest,
};
use otlp::{Export, Message, MetricMessage, MetricHead, Signal, canonical, descriptor, json};
use prost::Message as _;

const BYTES_MAX: usize = 1024 * 1024;

fuzz_target!(|input: &[u8]| {
    let Some((first, body)) = input.split_first() else { return };
    let signal = [Signal::Traces, Signal::Logs, Signal::Metrics][usize::from(first % 3)];
    let message = signal.export();
    let wire = match std::str::from_utf8(body) {
        // Text in braces is JSON; everything else is protobuf.
        Ok(text) if text.trim_start().starts_with('{') => {
            match json::read(message, text, BYTES_MAX) {
                Ok(read) => read.wire,
                Err(refused) => return assert!(!refused.to_string().is_empty()),
            }
        }
        _ => body.to_vec(),
    };
    walk(signal, &wire);
    // Field 1,000, which no message has: what would be kept as it came is rewritten.
    let rewritten = canonical(message, &[&[0xc0, 0x3e, 1][..], &wire].concat());
    assert_eq!(canonical(message, &wire), rewritten);
    let Ok(canon) = rewritten else { return };
    assert!(canon.len() <= wire.len() + 16, "{} from {}", canon.len(), wire.len());
    assert_eq!(canonical(message, &canon).as_ref(), Ok(&canon));
    comes_back(message, &canon);
    let is_read = match signal {
        Signal::Traces => ExportTraceServiceRequest::decode(&*canon).is_ok(),
        Signal::Logs => ExportLogsServiceRequest::decode(&*canon).is_ok(),
        Signal::Metrics => ExportMetricsServiceRequest::decode(&*canon).is_ok(),
    };
    assert!(is_read, "prost refuses what was accepted");
});

/// The message is the same after a round trip through JSON.
fn comes_back(message: &'static Message, canon: &[u8]) {
    let mut written = Vec::new();
    json::write(message, canon, &mut written);
    let written = String::from_utf8(written).expect("JSON is text");
    let read = json::read(message, &written, 16 * BYTES_MAX).expect("what was written is JSON");
    assert_eq!(read.flaw, None, "{written}");
    assert_eq!(canonical(message, &read.wire).as_deref(), Ok(canon), "{written}");
}

/// Decodes each item as the store does.
fn walk(signal: Signal, wire: &[u8]) {
    let Ok(export) = Export::open(wire) else { return };
    for resource in export.resources() {
        let _ = (resource.resource(), resource.schema_url());
        for scope in resource.scopes() {
            let _ = (scope.scope(), scope.schema_url());
            for item in scope.items() {
                match signal {
                    Signal::Traces => drop(canonical(&descriptor::SPAN, item)),
                    Signal::Logs => drop(canonical(&descriptor::LOG_RECORD, item)),
                    Signal::Metrics => metric(item),
                }
            }
        }
    }
}

fn metric(item: &[u8]) {
    let (Ok(metric), Ok(head)) = (MetricMessage::of(item), MetricHead::read(item)) else { return };
    assert!(head.bytes() <= 2 * item.len() + 16);
    let Some((kind, points)) = metric.points() else { return };
    for point in points {
        let Ok(point) = canonical(kind, point) else { continue };
        let one = head.with_point(&point);
        assert!(canonical(&descriptor::METRIC, &one).is_ok());
        assert_eq!(MetricHead::read(&one).as_ref(), Ok(&head));
    }
}
