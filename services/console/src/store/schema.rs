//! What spans and log records may hold, so that whatever is accepted can be read back later.
//!
//! Field numbers are those of the OpenTelemetry protocol. Resources, scopes and metrics are few and are
//! decoded when they arrive, so they are not here.

use super::protobuf::{Fields, Malformed, Value};

/// How deep attribute values may nest; the decoder that reads them later stops at 100.
const DEPTH_MAX: usize = 32;

/// The kinds of a message's fields, by field number.
pub(crate) struct Schema(&'static [Kind]);

enum Kind {
    /// Not in the protocol version we know: passed on as it is.
    Unknown,
    Varint,
    Fixed64,
    Fixed32,
    Bytes,
    Text,
    Message(&'static Schema),
}

use Kind::{Bytes, Fixed32, Fixed64, Message, Text, Unknown, Varint};

/// A span; events, links, status and attributes included.
pub(crate) static SPAN: Schema = Schema(&[
    Unknown,
    Bytes,
    Bytes,
    Text,
    Bytes,
    Text,
    Varint,
    Fixed64,
    Fixed64,
    Message(&KEY_VALUE),
    Varint,
    Message(&EVENT),
    Varint,
    Message(&LINK),
    Varint,
    Message(&STATUS),
    Fixed32,
]);

/// A log record, body and attributes included.
pub(crate) static LOG_RECORD: Schema = Schema(&[
    Unknown,
    Fixed64,
    Varint,
    Text,
    Unknown,
    Message(&ANY_VALUE),
    Message(&KEY_VALUE),
    Varint,
    Fixed32,
    Bytes,
    Bytes,
    Fixed64,
    Text,
]);

static EVENT: Schema = Schema(&[Unknown, Fixed64, Text, Message(&KEY_VALUE), Varint]);
static LINK: Schema = Schema(&[Unknown, Bytes, Bytes, Text, Message(&KEY_VALUE), Varint, Fixed32]);
static STATUS: Schema = Schema(&[Unknown, Unknown, Text, Varint]);
static KEY_VALUE: Schema = Schema(&[Unknown, Text, Message(&ANY_VALUE), Varint]);
static ANY_VALUE: Schema = Schema(&[
    Unknown,
    Text,
    Varint,
    Varint,
    Fixed64,
    Message(&ARRAY),
    Message(&KEY_VALUE_LIST),
    Bytes,
    Varint,
]);
static ARRAY: Schema = Schema(&[Unknown, Message(&ANY_VALUE)]);
static KEY_VALUE_LIST: Schema = Schema(&[Unknown, Message(&KEY_VALUE)]);

impl Schema {
    /// Checks one field of the message, with everything inside it.
    pub(crate) fn check(&self, number: u32, value: Value<'_>) -> Result<(), Malformed> {
        self.check_at(number, value, 0)
    }

    fn check_at(&self, number: u32, value: Value<'_>, depth: usize) -> Result<(), Malformed> {
        let kind = usize::try_from(number).ok().and_then(|number| self.0.get(number));
        match (kind.unwrap_or(&Unknown), value) {
            (Unknown, _)
            | (Varint, Value::Varint(_))
            | (Fixed64, Value::Fixed64(_))
            | (Fixed32, Value::Fixed32)
            | (Bytes, Value::Bytes(_)) => Ok(()),
            (Text, Value::Bytes(text)) => match std::str::from_utf8(text) {
                Ok(_) => Ok(()),
                Err(_) => Err(Malformed),
            },
            (Message(schema), Value::Bytes(message)) if depth < DEPTH_MAX => Fields::of(message)
                .try_for_each(|field| {
                    let (number, value) = field?;
                    schema.check_at(number, value, depth + 1)
                }),
            _ => Err(Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
    use opentelemetry_proto::tonic::logs::v1::LogRecord;
    use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
    use opentelemetry_proto::tonic::trace::v1::{Span, Status};
    use proptest::prelude::*;
    use prost::Message as _;

    use super::*;

    fn check(schema: &Schema, message: &[u8]) -> Result<(), Malformed> {
        Fields::of(message).try_for_each(|field| {
            let (number, value) = field?;
            schema.check(number, value)
        })
    }

    fn wrapped(value: Any) -> AnyValue {
        AnyValue { value: Some(value) }
    }

    fn attributes() -> Vec<KeyValue> {
        let list =
            KeyValueList { values: vec![KeyValue { key: "k".into(), ..Default::default() }] };
        let values = [
            Any::StringValue("text".into()),
            Any::IntValue(-1),
            Any::DoubleValue(0.5),
            Any::BoolValue(true),
            Any::BytesValue(vec![0xff]),
            Any::KvlistValue(list),
            Any::ArrayValue(ArrayValue { values: vec![wrapped(Any::IntValue(300))] }),
        ];
        let pair =
            |value| KeyValue { key: "key".into(), value: Some(wrapped(value)), key_strindex: 0 };
        values.into_iter().map(pair).collect()
    }

    fn span() -> Span {
        Span {
            trace_id: vec![7; 16],
            span_id: vec![8; 8],
            name: "process jobs.todo.add".into(),
            kind: 5,
            flags: 257,
            start_time_unix_nano: u64::MAX,
            attributes: attributes(),
            events: vec![Event {
                name: "e".into(),
                attributes: attributes(),
                ..Default::default()
            }],
            links: vec![Link {
                trace_id: vec![1; 16],
                attributes: attributes(),
                ..Default::default()
            }],
            status: Some(Status { message: "no".into(), code: 2 }),
            ..Default::default()
        }
    }

    fn log_record() -> LogRecord {
        LogRecord {
            time_unix_nano: 1,
            severity_number: 9,
            severity_text: "INFO".into(),
            body: Some(wrapped(Any::StringValue("body".into()))),
            attributes: attributes(),
            trace_id: vec![7; 16],
            event_name: "event".into(),
            ..Default::default()
        }
    }

    #[test]
    fn whatever_the_protocol_allows_is_accepted() {
        assert_eq!(check(&SPAN, &span().encode_to_vec()), Ok(()));
        assert_eq!(check(&LOG_RECORD, &log_record().encode_to_vec()), Ok(()));
    }

    #[test]
    fn values_nested_too_deep_to_be_read_back_are_refused() {
        let mut value = wrapped(Any::IntValue(1));
        for _ in 0..DEPTH_MAX {
            value = wrapped(Any::ArrayValue(ArrayValue { values: vec![value] }));
        }
        let record = LogRecord { body: Some(value), ..Default::default() };
        assert_eq!(check(&LOG_RECORD, &record.encode_to_vec()), Err(Malformed));
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_can_be_read_back(
            at in any::<prop::sample::Index>(),
            bytes in prop::collection::vec(any::<u8>(), 0..4),
            cut in any::<bool>(),
        ) {
            let damage = |mut wire: Vec<u8>| {
                let from = at.index(wire.len());
                let to = if cut { wire.len() } else { (from + bytes.len()).min(wire.len()) };
                wire.splice(from..to, bytes.iter().copied());
                wire
            };
            let wire = damage(span().encode_to_vec());
            prop_assert!(check(&SPAN, &wire).is_err() || Span::decode(&*wire).is_ok());
            let wire = damage(log_record().encode_to_vec());
            prop_assert!(check(&LOG_RECORD, &wire).is_err() || LogRecord::decode(&*wire).is_ok());
        }
    }
}
