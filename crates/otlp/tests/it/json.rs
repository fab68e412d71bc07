//! Every JSON form of a message decodes to the same message.

use otlp::json::{self, ReadError};
use otlp::{Export, Message, ResourceItems, ScopeItems, Signal, canonical, descriptor};
use proptest::prelude::*;

use crate::tree::{Random, tree};

const MAX: usize = 1024 * 1024;

fn read(message: &'static Message, text: &str) -> Vec<u8> {
    let read = json::read(message, text, MAX).unwrap();
    assert_eq!(read.flaw, None, "{text}");
    canonical(message, &read.wire).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn every_json_form_decodes_to_the_same_message(seed in any::<u64>()) {
        for message in descriptor::ALL {
            let mut random = Random::new(seed);
            let tree = tree(message, &mut random, 0);
            let canon = canonical(message, &tree.plain()).unwrap();
            let text = tree.json(&mut random);
            prop_assert_eq!(&read(message, &text), &canon, "{}", text);
            let mut written = Vec::new();
            json::write(message, &canon, &mut written);
            let written = String::from_utf8(written).unwrap();
            prop_assert!(serde_json::from_str::<serde_json::Value>(&written).is_ok(), "{}", written);
            prop_assert_eq!(read(message, &written), canon, "{}", written);
        }
    }

    #[test]
    fn the_parser_accepts_the_same_texts_as_serde_json(text in "([\\[\\]{}:, \"\\\\\n]|\"a\"|\"\\\\u00e9\"|null|true|fals|-|0|1|\\.|e|\\+|é|\u{1}){0,12}") {
        let ours = !matches!(json::read(&descriptor::EXPORT_TRACES, &text, MAX), Err(ReadError::NotJson(_)));
        let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        prop_assert_eq!(ours, theirs, "{:?}", text);
    }
}

/// The number of valid spans and of all spans in this JSON export, and the first error.
fn spans(spans: &str) -> (usize, usize, Option<String>) {
    let text = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":{spans}}}]}}]}}"#);
    let read = json::read(Signal::Traces.export(), &text, MAX).unwrap();
    let export = Export::open(&read.wire).unwrap();
    let items: Vec<_> =
        export.resources().flat_map(ResourceItems::scopes).flat_map(ScopeItems::items).collect();
    let good = items.iter().filter(|item| canonical(&descriptor::SPAN, item).is_ok()).count();
    (good, items.len(), read.flaw)
}

#[test]
fn an_invalid_item_is_refused_alone_and_named() {
    for (bad, problem) in [
        (r#"{"name":7}"#, "name must be a string"),
        (r#"{"kind":{}}"#, "kind must be a name or a number of the enumeration"),
        (r#"{"kind":1.5}"#, "kind must be"),
        (r#"{"traceId":"xyz"}"#, "traceId must be hexadecimal"),
        (r#"{"startTimeUnixNano":-1}"#, "startTimeUnixNano must be a whole number"),
        (r#"{"startTimeUnixNano":"1 "}"#, "startTimeUnixNano must be"),
        (r#"{"startTimeUnixNano":""}"#, "startTimeUnixNano must be"),
        (r#"{"flags":4294967296}"#, "flags must be"),
        (r#"{"attributes":{}}"#, "attributes must be a list"),
        (r#"{"attributes":[7]}"#, "attributes[0] must be an object"),
        (r#"{"name":"\ud800"}"#, "name has an escape"),
        (
            r#"{"attributes":[{"value":{"doubleValue":1e400}}]}"#,
            "attributes[0].value.doubleValue must be a number",
        ),
        (r#"{"attributes":[{"value":{"doubleValue":"nan"}}]}"#, "doubleValue must be"),
        (r#"{"attributes":[{"value":{"boolValue":"true"}}]}"#, "boolValue must be true or false"),
        (r#"{"attributes":[{"value":{"bytesValue":"*"}}]}"#, "bytesValue must be base64"),
        ("7", "spans[1] must be an object"),
    ] {
        let (good, all, flaw) = spans(&format!(r#"[{{"name":"a"}},{bad},{{"name":"b"}}]"#));
        assert_eq!((good, all), (2, 3), "{bad}");
        let flaw = flaw.unwrap();
        assert!(flaw.starts_with("resourceSpans[0].scopeSpans[0].spans[1]"), "{flaw}");
        assert!(flaw.contains(problem), "{flaw}");
    }
}

#[test]
fn null_is_the_default_and_unknown_keys_are_skipped() {
    let name = |text: &str| read(&descriptor::SPAN, text);
    assert_eq!(
        name(r#"{"name":null,"kind":null,"attributes":null,"status":null}"#),
        Vec::<u8>::new()
    );
    assert_eq!(name(r#"{"kind":"SPAN_KIND_OF_TOMORROW","\ud800":1}"#), Vec::<u8>::new());
    assert_eq!(name(r#"{"attributes":[null]}"#), [0x4a, 0]);
    assert_eq!(name("\u{feff}{\"kind\":\"2\"}"), [0x30, 2]);
}

#[test]
fn an_error_outside_of_items_refuses_the_whole_request() {
    for (text, problem) in [
        (r#"{"resourceSpans":7}"#, "resourceSpans must be a list"),
        (r#"{"resourceSpans":[7]}"#, "resourceSpans[0] must be an object"),
        (r#"{"resourceSpans":[{"scopeSpans":{}}]}"#, "resourceSpans[0].scopeSpans must be a list"),
        ("[]", "the body must be an object"),
        ("{", "expected a key at byte 1"),
        (r#"{"resourceSpans":[],}"#, "expected a key"),
        ("{} {}", "expected the end at byte 3"),
        ("", "expected a value at byte 0"),
    ] {
        let refused = json::read(&descriptor::EXPORT_TRACES, text, MAX).unwrap_err().to_string();
        assert!(refused.contains(problem), "{text}: {refused}");
    }
    let zeros = format!(r#"{{"explicitBounds":[{}0]}}"#, "0,".repeat(MAX / 8));
    let refused = json::read(&descriptor::HISTOGRAM_POINT, &zeros, MAX).unwrap_err();
    assert_eq!(refused, ReadError::TooLarge(MAX));
    let deep = format!("{{\"x\":{}1{}}}", "[".repeat(500_000), "]".repeat(500_000));
    assert!(json::read(&descriptor::SPAN, &deep, MAX).unwrap().wire.is_empty());
}
