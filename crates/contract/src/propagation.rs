//! Context propagation: W3C trace context and baggage in message headers.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Header of the W3C Trace Context recommendation, section 3.2.
pub const TRACEPARENT: &str = "traceparent";
/// Header of the W3C Trace Context recommendation, section 3.3.
pub const TRACESTATE: &str = "tracestate";
/// Header of the W3C Baggage recommendation.
pub const BAGGAGE: &str = "baggage";
/// Faults for this one job, such as `processor=error@2`.
pub const FAULT: &str = "waybill-fault";
/// The submitter of a job, if it is the lab itself: see [`crate::JobSource`].
pub const SOURCE: &str = "waybill-source";
/// The record hint: revision, space and JSON of the record as the sender has just written it. It saves the receiver a
/// read; its compare-and-set on that revision fails if the hint is stale.
pub const RECORD: &str = "waybill-record";
/// The baggage key that carries [`FAULT`].
pub const BAGGAGE_FAULT: &str = "waybill.fault";
/// The only baggage keys that are propagated, so that no unchecked baggage from outside is.
pub const BAGGAGE_KEYS: &[&str] = &[BAGGAGE_FAULT, "waybill.scenario", "waybill.canary"];
/// Maximum size of the propagated baggage, in bytes.
pub const BAGGAGE_BYTES_MAX: usize = 1_024;

/// A span context: trace id, span id and sampled flag. Serialized as a `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TraceParent {
    /// 16 bytes, not all zero.
    pub trace_id: u128,
    /// 8 bytes, not all zero.
    pub span_id: u64,
    /// Whether the span is exported.
    pub sampled: bool,
}

/// The text is not a `traceparent`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a traceparent is 00-<32 hex>-<16 hex>-<2 hex>")]
pub struct NotATraceparent;

impl TraceParent {
    /// The trace id as 32 lower-case hex digits.
    pub fn trace_hex(&self) -> String {
        format!("{:032x}", self.trace_id)
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "00-{:032x}-{:016x}-{:02x}",
            self.trace_id,
            self.span_id,
            u8::from(self.sampled)
        )
    }
}

impl FromStr for TraceParent {
    type Err = NotATraceparent;

    fn from_str(text: &str) -> Result<Self, NotATraceparent> {
        let digits = |part: &str, len: usize| {
            let hex =
                part.len() == len && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            hex.then_some(()).ok_or(NotATraceparent)
        };
        let mut parts = text.split('-');
        let mut part = |len| {
            let part = parts.next().ok_or(NotATraceparent)?;
            digits(part, len).map(|()| part)
        };
        let (version, trace, span, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
        // Section 3.2.2: version ff is invalid; later versions may have more parts, 00 may not.
        if version == "ff" || (version == "00" && text.len() != 55) {
            return Err(NotATraceparent);
        }
        let trace_id = u128::from_str_radix(trace, 16).map_err(|_| NotATraceparent)?;
        let span_id = u64::from_str_radix(span, 16).map_err(|_| NotATraceparent)?;
        let flags = u8::from_str_radix(flags, 16).map_err(|_| NotATraceparent)?;
        if trace_id == 0 || span_id == 0 {
            return Err(NotATraceparent);
        }
        Ok(Self { trace_id, span_id, sampled: flags & 1 == 1 })
    }
}

impl TryFrom<String> for TraceParent {
    type Error = NotATraceparent;
    fn try_from(text: String) -> Result<Self, NotATraceparent> {
        text.parse()
    }
}

impl From<TraceParent> for String {
    fn from(span: TraceParent) -> Self {
        span.to_string()
    }
}

/// Keeps the allowed keys of a `baggage` header, within the size limit. `None` when nothing is left.
pub fn allowed_baggage(header: &str) -> Option<String> {
    let mut kept = String::new();
    for member in header.split(',').map(str::trim) {
        let key = member.split(['=', ';']).next().unwrap_or_default().trim();
        let fits = kept.len() + member.len() < BAGGAGE_BYTES_MAX;
        if BAGGAGE_KEYS.contains(&key) && member.contains('=') && member.is_ascii() && fits {
            if !kept.is_empty() {
                kept.push(',');
            }
            kept.push_str(member);
        }
    }
    (!kept.is_empty()).then_some(kept)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_span_ref_survives_the_header(trace_id in 1u128.., span_id in 1u64.., sampled: bool) {
            let span = TraceParent { trace_id, span_id, sampled };
            prop_assert_eq!(span.to_string().parse(), Ok(span));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,80}") {
            let _ = text.parse::<TraceParent>();
            if let Some(kept) = allowed_baggage(&text) {
                prop_assert!(kept.len() <= BAGGAGE_BYTES_MAX);
            }
        }
    }

    #[test]
    fn malformed_traceparents_are_refused() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert!(good.parse::<TraceParent>().is_ok());
        for bad in [
            "",
            "00",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
        ] {
            assert_eq!(bad.parse::<TraceParent>(), Err(NotATraceparent), "{bad}");
        }
    }

    #[test]
    fn other_baggage_is_dropped() {
        let header = "user=alice, waybill.fault=processor%3Derror%402;x=1 ,session=1";
        assert_eq!(
            allowed_baggage(header).as_deref(),
            Some("waybill.fault=processor%3Derror%402;x=1")
        );
        assert_eq!(allowed_baggage("user=alice"), None);
        let long = format!("waybill.scenario={}", "x".repeat(2_000));
        assert_eq!(allowed_baggage(&long), None);
    }
}
