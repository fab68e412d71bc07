//! `metrics.proto`, and the export request that has the same fields.

use super::{
    KEY_VALUE, RESOURCE, SCOPE, attributes, choice, description, many, one, optional, part, time,
};
use crate::limits::{ATTRIBUTES_MAX, EXEMPLARS_MAX, KEY_BYTES_MAX};
use crate::schema::Kind::{
    Bool, Double, Enum as Enumeration, Fixed64, Id, Message as Nested, Sfixed64, Sint32, Text,
    Uint32, Uint64,
};
use crate::schema::{Enum, Field, Message};

/// `ExportMetricsServiceRequest`; `MetricsData` is the same.
pub static EXPORT_METRICS: Message = Message {
    name: "ExportMetricsServiceRequest",
    fields: &[many(1, "resource_metrics", Nested(&RESOURCE_METRICS))],
};

/// What one resource sent.
pub static RESOURCE_METRICS: Message = Message {
    name: "ResourceMetrics",
    fields: &[
        part(1, "resource", &RESOURCE).item(),
        many(2, "scope_metrics", Nested(&SCOPE_METRICS)),
        description(3, "schema_url"),
    ],
};

/// What one scope sent.
pub static SCOPE_METRICS: Message = Message {
    name: "ScopeMetrics",
    fields: &[
        part(1, "scope", &SCOPE).item(),
        many(2, "metrics", Nested(&METRIC)).item(),
        description(3, "schema_url"),
    ],
};

/// A metric with its points.
pub static METRIC: Message = Message {
    name: "Metric",
    fields: &[
        one(1, "name", Text).at_most(KEY_BYTES_MAX),
        description(2, "description"),
        one(3, "unit", Text).at_most(KEY_BYTES_MAX),
        choice(5, "gauge", Nested(&GAUGE)),
        choice(7, "sum", Nested(&SUM)),
        choice(9, "histogram", Nested(&HISTOGRAM)),
        choice(10, "exponential_histogram", Nested(&EXPONENTIAL_HISTOGRAM)),
        choice(11, "summary", Nested(&SUMMARY)),
        METADATA,
    ],
};

/// A metric without its points: they are unknown fields to it.
pub static METRIC_HEAD: Message = Message {
    name: "Metric",
    fields: &[
        one(1, "name", Text).at_most(KEY_BYTES_MAX),
        description(2, "description"),
        one(3, "unit", Text).at_most(KEY_BYTES_MAX),
        choice(5, "gauge", Nested(&Message { name: "Gauge", fields: &[] })),
        choice(7, "sum", Nested(&Message { name: "Sum", fields: &[TEMPORALITY, IS_MONOTONIC] })),
        choice(9, "histogram", Nested(&Message { name: "Histogram", fields: &[TEMPORALITY] })),
        choice(
            10,
            "exponential_histogram",
            Nested(&Message { name: "ExponentialHistogram", fields: &[TEMPORALITY] }),
        ),
        choice(11, "summary", Nested(&Message { name: "Summary", fields: &[] })),
        METADATA,
    ],
};

const METADATA: Field = many(12, "metadata", Nested(&KEY_VALUE)).at_most(ATTRIBUTES_MAX);
const TEMPORALITY: Field = one(2, "aggregation_temporality", Enumeration(&AGGREGATION_TEMPORALITY));
const IS_MONOTONIC: Field = one(3, "is_monotonic", Bool);

const fn points(message: &'static Message) -> Field {
    many(1, "data_points", Nested(message)).item()
}

const fn exemplars(number: u32) -> Field {
    many(number, "exemplars", Nested(&EXEMPLAR)).at_most(EXEMPLARS_MAX)
}

/// Numbers without a history of their own.
pub static GAUGE: Message = Message { name: "Gauge", fields: &[points(&NUMBER_POINT)] };

/// Numbers that add up.
pub static SUM: Message =
    Message { name: "Sum", fields: &[points(&NUMBER_POINT), TEMPORALITY, IS_MONOTONIC] };

/// Distributions over given bounds.
pub static HISTOGRAM: Message =
    Message { name: "Histogram", fields: &[points(&HISTOGRAM_POINT), TEMPORALITY] };

/// Distributions over exponential bounds.
pub static EXPONENTIAL_HISTOGRAM: Message = Message {
    name: "ExponentialHistogram",
    fields: &[points(&EXPONENTIAL_HISTOGRAM_POINT), TEMPORALITY],
};

/// Quantiles that were computed by the sender.
pub static SUMMARY: Message = Message { name: "Summary", fields: &[points(&SUMMARY_POINT)] };

/// One number.
pub static NUMBER_POINT: Message = Message {
    name: "NumberDataPoint",
    fields: &[
        time(2, "start_time_unix_nano"),
        time(3, "time_unix_nano"),
        choice(4, "as_double", Double),
        exemplars(5),
        choice(6, "as_int", Sfixed64),
        attributes(7, 0),
        one(8, "flags", Uint32),
    ],
};

/// One histogram.
pub static HISTOGRAM_POINT: Message = Message {
    name: "HistogramDataPoint",
    fields: &[
        time(2, "start_time_unix_nano"),
        time(3, "time_unix_nano"),
        one(4, "count", Fixed64),
        optional(5, "sum", Double),
        many(6, "bucket_counts", Fixed64),
        many(7, "explicit_bounds", Double),
        exemplars(8),
        attributes(9, 0),
        one(10, "flags", Uint32),
        optional(11, "min", Double),
        optional(12, "max", Double),
    ],
};

/// One exponential histogram.
pub static EXPONENTIAL_HISTOGRAM_POINT: Message = Message {
    name: "ExponentialHistogramDataPoint",
    fields: &[
        attributes(1, 0),
        time(2, "start_time_unix_nano"),
        time(3, "time_unix_nano"),
        one(4, "count", Fixed64),
        optional(5, "sum", Double),
        one(6, "scale", Sint32),
        one(7, "zero_count", Fixed64),
        part(8, "positive", &BUCKETS),
        part(9, "negative", &BUCKETS),
        one(10, "flags", Uint32),
        exemplars(11),
        optional(12, "min", Double),
        optional(13, "max", Double),
        one(14, "zero_threshold", Double),
    ],
};

/// The buckets of one half of an exponential histogram.
pub static BUCKETS: Message = Message {
    name: "Buckets",
    fields: &[one(1, "offset", Sint32), many(2, "bucket_counts", Uint64)],
};

/// One summary.
pub static SUMMARY_POINT: Message = Message {
    name: "SummaryDataPoint",
    fields: &[
        time(2, "start_time_unix_nano"),
        time(3, "time_unix_nano"),
        one(4, "count", Fixed64),
        one(5, "sum", Double),
        many(6, "quantile_values", Nested(&VALUE_AT_QUANTILE)),
        attributes(7, 0),
        one(8, "flags", Uint32),
    ],
};

/// A quantile of a summary.
pub static VALUE_AT_QUANTILE: Message = Message {
    name: "ValueAtQuantile",
    fields: &[one(1, "quantile", Double), one(2, "value", Double)],
};

/// One observation, with the trace it was made in.
pub static EXEMPLAR: Message = Message {
    name: "Exemplar",
    fields: &[
        time(2, "time_unix_nano"),
        choice(3, "as_double", Double),
        one(4, "span_id", Id),
        one(5, "trace_id", Id),
        choice(6, "as_int", Sfixed64),
        many(7, "filtered_attributes", Nested(&KEY_VALUE)).at_most(ATTRIBUTES_MAX),
    ],
};

static AGGREGATION_TEMPORALITY: Enum =
    Enum { prefix: "AGGREGATION_TEMPORALITY_", values: &["UNSPECIFIED", "DELTA", "CUMULATIVE"] };
