//! Attribute values as people read them: plain text for pages and filters, plain JSON for log lines.

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use otlp::json::non_finite;
use serde_json::{Map, Value};

/// The value under this key.
pub(crate) fn find<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a AnyValue> {
    attributes.iter().find(|pair| pair.key == key)?.value.as_ref()
}

/// The value as text: strings bare, everything else as JSON.
pub(crate) fn text(value: &AnyValue) -> String {
    match &value.value {
        Some(Any::StringValue(text)) => text.clone(),
        Some(Any::DoubleValue(number)) if !number.is_finite() => non_finite(*number).to_owned(),
        Some(_) => json(value).to_string(),
        None => String::new(),
    }
}

/// The value as JSON; bytes become hexadecimal text.
pub(crate) fn json(value: &AnyValue) -> Value {
    match &value.value {
        Some(Any::StringValue(text)) => text.as_str().into(),
        Some(Any::BoolValue(flag)) => (*flag).into(),
        Some(Any::IntValue(number)) => (*number).into(),
        Some(Any::DoubleValue(number)) => self::number(*number),
        Some(Any::ArrayValue(array)) => array.values.iter().map(json).collect(),
        Some(Any::KvlistValue(list)) => Value::Object(object(&list.values)),
        Some(Any::BytesValue(bytes)) => hex::encode(bytes).into(),
        Some(Any::StringValueStrindex(_)) | None => Value::Null,
    }
}

/// A number as JSON: a text where JSON has no number for it.
pub(crate) fn number(number: f64) -> Value {
    if number.is_finite() { number.into() } else { non_finite(number).into() }
}

/// The attributes as one JSON object; of a repeated key the last value stays.
pub(crate) fn object(attributes: &[KeyValue]) -> Map<String, Value> {
    let pair = |pair: &KeyValue| (pair.key.clone(), pair.value.as_ref().map_or(Value::Null, json));
    attributes.iter().map(pair).collect()
}
