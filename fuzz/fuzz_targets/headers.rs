//! Parses headers, one `name: value` per line.
//!
//! An accepted header is serialized and parsed again to the same value; nothing invalid is propagated.

#![no_main]

use contract::{
    event::{ATTRIBUTE_BYTES_MAX, EventHead},
    propagation::{BAGGAGE_BYTES_MAX, BAGGAGE_KEYS, FAULT, TraceParent, TRACEPARENT, allowed_baggage},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    let headers: Vec<(&str, &str)> =
        lines.map(|(name, value)| (name.trim(), value.trim())).collect();
    for (name, value) in &headers {
        alone(name, value);
    }
    together(&headers);
});

/// Parses one header.
fn alone(name: &str, value: &str) {
    if name.eq_ignore_ascii_case(TRACEPARENT)
        && let Ok(span) = value.parse::<TraceParent>()
    {
        assert_eq!(span.to_string().parse(), Ok(span));
        assert_eq!(span.trace_hex().len(), 32);
    }
    if name.eq_ignore_ascii_case(FAULT)
        && let Err(error) = faults::check(value)
    {
        assert!(!error.to_string().is_empty());
    }
    if let Some(kept) = allowed_baggage(value) {
        assert!(kept.len() <= BAGGAGE_BYTES_MAX && kept.is_ascii());
        assert_eq!(allowed_baggage(&kept).as_deref(), Some(kept.as_str()));
        for member in kept.split(',') {
            let key = member.split(['=', ';']).next().unwrap_or_default().trim();
            assert!(BAGGAGE_KEYS.contains(&key), "{key}");
        }
    }
}

/// Parses all headers of a message.
fn together(headers: &[(&str, &str)]) {
    let first = |name: &str| headers.iter().find(|(own, _)| *own == name).map(|(_, value)| *value);
    match EventHead::read(first) {
        Ok(head) => {
            let written = head.headers();
            assert!(written.iter().all(|(_, value)| value.len() <= ATTRIBUTE_BYTES_MAX));
            let find = |name: &str| written.iter().find(|(own, _)| *own == name).map(|(_, v)| *v);
            assert_eq!(EventHead::read(find), Ok(head.clone()));
        }
        Err(error) => assert!(error.to_string().contains("header "), "{error}"),
    }
}
