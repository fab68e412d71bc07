//! The field table: every message of OTLP traces, logs and metrics, as in the `.proto` files. A test compares it with the
//! descriptors that the OpenTelemetry project publishes.

mod common;
mod logs;
mod metrics;
mod trace;

pub use common::{ANY_VALUE, ARRAY_VALUE, ENTITY_REF, KEY_VALUE, KEY_VALUE_LIST, RESOURCE, SCOPE};
pub use logs::{EXPORT_LOGS, LOG_RECORD, RESOURCE_LOGS, SCOPE_LOGS};
pub use metrics::{
    BUCKETS, EXEMPLAR, EXPONENTIAL_HISTOGRAM, EXPONENTIAL_HISTOGRAM_POINT, EXPORT_METRICS, GAUGE,
    HISTOGRAM, HISTOGRAM_POINT, METRIC, METRIC_HEAD, NUMBER_POINT, RESOURCE_METRICS, SCOPE_METRICS,
    SUM, SUMMARY, SUMMARY_POINT, VALUE_AT_QUANTILE,
};
pub use trace::{EVENT, EXPORT_TRACES, LINK, RESOURCE_SPANS, SCOPE_SPANS, SPAN, STATUS};

use crate::limits::{ATTRIBUTES_MAX, DESCRIPTION_BYTES_MAX, NAME_BYTES_MAX};
use crate::schema::{Cardinality, Field, FieldKind, Message};

/// Every message of the table.
pub static ALL: &[&Message] = &[
    &EXPORT_TRACES,
    &EXPORT_LOGS,
    &EXPORT_METRICS,
    &RESOURCE_SPANS,
    &RESOURCE_LOGS,
    &RESOURCE_METRICS,
    &SCOPE_SPANS,
    &SCOPE_LOGS,
    &SCOPE_METRICS,
    &RESOURCE,
    &ENTITY_REF,
    &SCOPE,
    &KEY_VALUE,
    &ANY_VALUE,
    &ARRAY_VALUE,
    &KEY_VALUE_LIST,
    &SPAN,
    &EVENT,
    &LINK,
    &STATUS,
    &LOG_RECORD,
    &METRIC,
    &GAUGE,
    &SUM,
    &HISTOGRAM,
    &EXPONENTIAL_HISTOGRAM,
    &SUMMARY,
    &NUMBER_POINT,
    &HISTOGRAM_POINT,
    &EXPONENTIAL_HISTOGRAM_POINT,
    &SUMMARY_POINT,
    &BUCKETS,
    &VALUE_AT_QUANTILE,
    &EXEMPLAR,
];

const fn singular(number: u32, name: &'static str, kind: FieldKind) -> Field {
    Field::new(number, name, kind, Cardinality::Singular)
}

const fn optional(number: u32, name: &'static str, kind: FieldKind) -> Field {
    Field::new(number, name, kind, Cardinality::Optional)
}

const fn oneof(number: u32, name: &'static str, kind: FieldKind) -> Field {
    Field::new(number, name, kind, Cardinality::Oneof)
}

const fn repeated(number: u32, name: &'static str, kind: FieldKind) -> Field {
    Field::new(number, name, kind, Cardinality::Repeated)
}

/// A nested message; an empty one differs from an absent one.
const fn nested(number: u32, name: &'static str, message: &'static Message) -> Field {
    optional(number, name, FieldKind::Message(message))
}

const fn attributes(number: u32, dropped: u32) -> Field {
    repeated(number, "attributes", FieldKind::Message(&KEY_VALUE))
        .at_most(ATTRIBUTES_MAX)
        .dropped(dropped)
}

const fn dropped_count(number: u32, name: &'static str) -> Field {
    singular(number, name, FieldKind::Uint32)
}

const fn name(number: u32) -> Field {
    singular(number, "name", FieldKind::Text).at_most(NAME_BYTES_MAX)
}

const fn description(number: u32, name: &'static str) -> Field {
    singular(number, name, FieldKind::Text).at_most(DESCRIPTION_BYTES_MAX)
}

const fn time(number: u32, name: &'static str) -> Field {
    singular(number, name, FieldKind::Fixed64)
}
