//! Messages of `trace.proto`, and its export request.

use super::{
    RESOURCE, SCOPE, attributes, description, dropped_count, name, nested, repeated, singular, time,
};
use crate::limits::{EVENTS_MAX, LINKS_MAX};
use crate::schema::FieldKind::{Enum as Enumeration, Fixed32, Id, Message as Nested, Text};
use crate::schema::{Enum, Message};

/// `ExportTraceServiceRequest`; `TracesData` is the same.
pub static EXPORT_TRACES: Message = Message {
    name: "ExportTraceServiceRequest",
    fields: &[repeated(1, "resource_spans", Nested(&RESOURCE_SPANS))],
};

/// The spans of one resource.
pub static RESOURCE_SPANS: Message = Message {
    name: "ResourceSpans",
    fields: &[
        nested(1, "resource", &RESOURCE).item(),
        repeated(2, "scope_spans", Nested(&SCOPE_SPANS)),
        description(3, "schema_url"),
    ],
};

/// The spans of one instrumentation scope.
pub static SCOPE_SPANS: Message = Message {
    name: "ScopeSpans",
    fields: &[
        nested(1, "scope", &SCOPE).item(),
        repeated(2, "spans", Nested(&SPAN)).item(),
        description(3, "schema_url"),
    ],
};

/// A span.
pub static SPAN: Message = Message {
    name: "Span",
    fields: &[
        singular(1, "trace_id", Id),
        singular(2, "span_id", Id),
        description(3, "trace_state"),
        singular(4, "parent_span_id", Id),
        name(5),
        singular(6, "kind", Enumeration(&SPAN_KIND)),
        time(7, "start_time_unix_nano"),
        time(8, "end_time_unix_nano"),
        attributes(9, 10),
        dropped_count(10, "dropped_attributes_count"),
        repeated(11, "events", Nested(&EVENT)).at_most(EVENTS_MAX).dropped(12),
        dropped_count(12, "dropped_events_count"),
        repeated(13, "links", Nested(&LINK)).at_most(LINKS_MAX).dropped(14),
        dropped_count(14, "dropped_links_count"),
        nested(15, "status", &STATUS),
        singular(16, "flags", Fixed32),
    ],
};

/// An event of a span.
pub static EVENT: Message = Message {
    name: "Event",
    fields: &[
        time(1, "time_unix_nano"),
        name(2),
        attributes(3, 4),
        dropped_count(4, "dropped_attributes_count"),
    ],
};

/// A link to another span.
pub static LINK: Message = Message {
    name: "Link",
    fields: &[
        singular(1, "trace_id", Id),
        singular(2, "span_id", Id),
        description(3, "trace_state"),
        attributes(4, 5),
        dropped_count(5, "dropped_attributes_count"),
        singular(6, "flags", Fixed32),
    ],
};

/// How a span ended.
pub static STATUS: Message = Message {
    name: "Status",
    fields: &[singular(2, "message", Text), singular(3, "code", Enumeration(&STATUS_CODE))],
};

static SPAN_KIND: Enum = Enum {
    prefix: "SPAN_KIND_",
    values: &["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"],
};

static STATUS_CODE: Enum = Enum { prefix: "STATUS_CODE_", values: &["UNSET", "OK", "ERROR"] };
