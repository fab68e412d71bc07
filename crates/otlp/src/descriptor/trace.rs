//! `trace.proto`, and the export request that has the same fields.

use super::{RESOURCE, SCOPE, attributes, description, dropped_count, many, name, one, part, time};
use crate::limits::{EVENTS_MAX, LINKS_MAX};
use crate::schema::Kind::{Enum as Enumeration, Fixed32, Id, Message as Nested, Text};
use crate::schema::{Enum, Message};

/// `ExportTraceServiceRequest`; `TracesData` is the same.
pub static EXPORT_TRACES: Message = Message {
    name: "ExportTraceServiceRequest",
    fields: &[many(1, "resource_spans", Nested(&RESOURCE_SPANS))],
};

/// What one resource sent.
pub static RESOURCE_SPANS: Message = Message {
    name: "ResourceSpans",
    fields: &[
        part(1, "resource", &RESOURCE).item(),
        many(2, "scope_spans", Nested(&SCOPE_SPANS)),
        description(3, "schema_url"),
    ],
};

/// What one scope sent.
pub static SCOPE_SPANS: Message = Message {
    name: "ScopeSpans",
    fields: &[
        part(1, "scope", &SCOPE).item(),
        many(2, "spans", Nested(&SPAN)).item(),
        description(3, "schema_url"),
    ],
};

/// A span.
pub static SPAN: Message = Message {
    name: "Span",
    fields: &[
        one(1, "trace_id", Id),
        one(2, "span_id", Id),
        description(3, "trace_state"),
        one(4, "parent_span_id", Id),
        name(5),
        one(6, "kind", Enumeration(&SPAN_KIND)),
        time(7, "start_time_unix_nano"),
        time(8, "end_time_unix_nano"),
        attributes(9, 10),
        dropped_count(10, "dropped_attributes_count"),
        many(11, "events", Nested(&EVENT)).at_most(EVENTS_MAX).dropped(12),
        dropped_count(12, "dropped_events_count"),
        many(13, "links", Nested(&LINK)).at_most(LINKS_MAX).dropped(14),
        dropped_count(14, "dropped_links_count"),
        part(15, "status", &STATUS),
        one(16, "flags", Fixed32),
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
        one(1, "trace_id", Id),
        one(2, "span_id", Id),
        description(3, "trace_state"),
        attributes(4, 5),
        dropped_count(5, "dropped_attributes_count"),
        one(6, "flags", Fixed32),
    ],
};

/// How a span ended.
pub static STATUS: Message = Message {
    name: "Status",
    fields: &[one(2, "message", Text), one(3, "code", Enumeration(&STATUS_CODE))],
};

static SPAN_KIND: Enum = Enum {
    prefix: "SPAN_KIND_",
    values: &["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"],
};

static STATUS_CODE: Enum = Enum { prefix: "STATUS_CODE_", values: &["UNSET", "OK", "ERROR"] };
