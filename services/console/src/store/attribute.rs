//! Attribute values as plain text and as plain JSON.

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use otlp::json::non_finite;
use serde_json::{Map, Value};

/// The value under this key.
pub(crate) fn find<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a AnyValue> {
    attributes.iter().find(|pair| pair.key == key)?.value.as_ref()
}

/// The value as text: a string without quotes, anything else as JSON.
pub(crate) fn text(value: &AnyValue) -> String {
    match &value.value {
        Some(Any::StringValue(text)) => text.clone(),
        Some(Any::DoubleValue(number)) if !number.is_finite() => non_finite(*number).to_owned(),
        Some(_) => json(value).to_string(),
        None => String::new(),
    }
}

/// The value as JSON; bytes as hexadecimal text.
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

/// A number as JSON: text if it is not finite, which JSON cannot represent.
pub(crate) fn number(number: f64) -> Value {
    if number.is_finite() { number.into() } else { non_finite(number).into() }
}

/// The attributes as one JSON object; the last value of a repeated key is used.
pub(crate) fn object(attributes: &[KeyValue]) -> Map<String, Value> {
    let pair = |pair: &KeyValue| (pair.key.clone(), pair.value.as_ref().map_or(Value::Null, json));
    attributes.iter().map(pair).collect()
}
