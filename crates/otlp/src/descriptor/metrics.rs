//! Messages of `metrics.proto`, and its export request.

use super::{
    KEY_VALUE, RESOURCE, SCOPE, attributes, description, nested, oneof, optional, repeated,
    singular, time,
};
use crate::limits::{ATTRIBUTES_MAX, EXEMPLARS_MAX, KEY_BYTES_MAX};
use crate::schema::FieldKind::{
    Bool, Double, Enum as Enumeration, Fixed64, Id, Message as Nested, Sfixed64, Sint32, Text,
    Uint32, Uint64,
};
use crate::schema::{Enum, Field, Message};

/// `ExportMetricsServiceRequest`; `MetricsData` is the same.
pub static EXPORT_METRICS: Message = Message {
    name: "ExportMetricsServiceRequest",
    fields: &[repeated(1, "resource_metrics", Nested(&RESOURCE_METRICS))],
};

/// The metrics of one resource.
pub static RESOURCE_METRICS: Message = Message {
    name: "ResourceMetrics",
    fields: &[
        nested(1, "resource", &RESOURCE).item(),
        repeated(2, "scope_metrics", Nested(&SCOPE_METRICS)),
        description(3, "schema_url"),
    ],
};

/// The metrics of one instrumentation scope.
pub static SCOPE_METRICS: Message = Message {
    name: "ScopeMetrics",
    fields: &[
        nested(1, "scope", &SCOPE).item(),
        repeated(2, "metrics", Nested(&METRIC)).item(),
        description(3, "schema_url"),
    ],
};

/// A metric with its points.
pub static METRIC: Message = Message {
    name: "Metric",
    fields: &[
        singular(1, "name", Text).at_most(KEY_BYTES_MAX),
        description(2, "description"),
        singular(3, "unit", Text).at_most(KEY_BYTES_MAX),
        oneof(5, "gauge", Nested(&GAUGE)),
        oneof(7, "sum", Nested(&SUM)),
        oneof(9, "histogram", Nested(&HISTOGRAM)),
        oneof(10, "exponential_histogram", Nested(&EXPONENTIAL_HISTOGRAM)),
        oneof(11, "summary", Nested(&SUMMARY)),
        METADATA,
    ],
};

/// A metric without its data points, which count as unknown fields here.
pub static METRIC_HEAD: Message = Message {
    name: "Metric",
    fields: &[
        singular(1, "name", Text).at_most(KEY_BYTES_MAX),
        description(2, "description"),
        singular(3, "unit", Text).at_most(KEY_BYTES_MAX),
        oneof(5, "gauge", Nested(&Message { name: "Gauge", fields: &[] })),
        oneof(7, "sum", Nested(&Message { name: "Sum", fields: &[TEMPORALITY, IS_MONOTONIC] })),
        oneof(9, "histogram", Nested(&Message { name: "Histogram", fields: &[TEMPORALITY] })),
        oneof(
            10,
            "exponential_histogram",
            Nested(&Message { name: "ExponentialHistogram", fields: &[TEMPORALITY] }),
        ),
        oneof(11, "summary", Nested(&Message { name: "Summary", fields: &[] })),
        METADATA,
    ],
};

const METADATA: Field = repeated(12, "metadata", Nested(&KEY_VALUE)).at_most(ATTRIBUTES_MAX);
const TEMPORALITY: Field =
    singular(2, "aggregation_temporality", Enumeration(&AGGREGATION_TEMPORALITY));
const IS_MONOTONIC: Field = singular(3, "is_monotonic", Bool);

const fn points(message: &'static Message) -> Field {
    repeated(1, "data_points", Nested(message)).item()
}

const fn exemplars(number: u32) -> Field {
    repeated(number, "exemplars", Nested(&EXEMPLAR)).at_most(EXEMPLARS_MAX)
}

/// A gauge.
pub static GAUGE: Message = Message { name: "Gauge", fields: &[points(&NUMBER_POINT)] };

/// A sum, monotonic or not.
pub static SUM: Message =
    Message { name: "Sum", fields: &[points(&NUMBER_POINT), TEMPORALITY, IS_MONOTONIC] };

/// A histogram with explicit bounds.
pub static HISTOGRAM: Message =
    Message { name: "Histogram", fields: &[points(&HISTOGRAM_POINT), TEMPORALITY] };

/// A histogram with exponential bounds.
pub static EXPONENTIAL_HISTOGRAM: Message = Message {
    name: "ExponentialHistogram",
    fields: &[points(&EXPONENTIAL_HISTOGRAM_POINT), TEMPORALITY],
};

/// A summary: quantiles that the exporter computed.
pub static SUMMARY: Message = Message { name: "Summary", fields: &[points(&SUMMARY_POINT)] };

/// A data point of a gauge or a sum.
pub static NUMBER_POINT: Message = Message {
    name: "NumberDataPoint",
    fields: &[
        time(2, "start_time_unix_nano"),
        time(3, "time_unix_nano"),
        oneof(4, "as_double", Double),
        exemplars(5),
        oneof(6, "as_int", Sfixed64),
        attributes(7, 0),
        singular(8, "flags", Uint32),
    ],
};

/// A data point of a histogram.
pub static HISTOGRAM_POINT: Message = Message {
    name: "HistogramDataPoint",
    fields: &[
        time(2, "start_time_unix_nano"),
        time(3, "time_unix_nano"),
        singular(4, "count", Fixed64),
        optional(5, "sum", Double),
        repeated(6, "bucket_counts", Fixed64),
        repeated(7, "explicit_bounds", Double),
        exemplars(8),
        attributes(9, 0),
        singular(10, "flags", Uint32),
        optional(11, "min", Double),
        optional(12, "max", Double),
    ],
};

/// A data point of an exponential histogram.
pub static EXPONENTIAL_HISTOGRAM_POINT: Message = Message {
    name: "ExponentialHistogramDataPoint",
    fields: &[
        attributes(1, 0),
        time(2, "start_time_unix_nano"),
        time(3, "time_unix_nano"),
        singular(4, "count", Fixed64),
        optional(5, "sum", Double),
        singular(6, "scale", Sint32),
        singular(7, "zero_count", Fixed64),
        nested(8, "positive", &BUCKETS),
        nested(9, "negative", &BUCKETS),
        singular(10, "flags", Uint32),
        exemplars(11),
        optional(12, "min", Double),
        optional(13, "max", Double),
        singular(14, "zero_threshold", Double),
    ],
};

/// The positive or the negative buckets of an exponential histogram.
pub static BUCKETS: Message = Message {
    name: "Buckets",
    fields: &[singular(1, "offset", Sint32), repeated(2, "bucket_counts", Uint64)],
};

/// A data point of a summary.
pub static SUMMARY_POINT: Message = Message {
    name: "SummaryDataPoint",
    fields: &[
        time(2, "start_time_unix_nano"),
        time(3, "time_unix_nano"),
        singular(4, "count", Fixed64),
        singular(5, "sum", Double),
        repeated(6, "quantile_values", Nested(&VALUE_AT_QUANTILE)),
        attributes(7, 0),
        singular(8, "flags", Uint32),
    ],
};

/// A quantile of a summary.
pub static VALUE_AT_QUANTILE: Message = Message {
    name: "ValueAtQuantile",
    fields: &[singular(1, "quantile", Double), singular(2, "value", Double)],
};

/// An exemplar: one observation and its trace.
pub static EXEMPLAR: Message = Message {
    name: "Exemplar",
    fields: &[
        time(2, "time_unix_nano"),
        oneof(3, "as_double", Double),
        singular(4, "span_id", Id),
        singular(5, "trace_id", Id),
        oneof(6, "as_int", Sfixed64),
        repeated(7, "filtered_attributes", Nested(&KEY_VALUE)).at_most(ATTRIBUTES_MAX),
    ],
};

static AGGREGATION_TEMPORALITY: Enum =
    Enum { prefix: "AGGREGATION_TEMPORALITY_", values: &["UNSPECIFIED", "DELTA", "CUMULATIVE"] };
