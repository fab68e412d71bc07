//! Messages of `logs.proto`, and its export request.

use super::{
    ANY_VALUE, RESOURCE, SCOPE, attributes, description, dropped_count, nested, repeated, singular,
    time,
};
use crate::limits::NAME_BYTES_MAX;
use crate::schema::FieldKind::{Enum as Enumeration, Fixed32, Id, Message as Nested, Text};
use crate::schema::{Enum, Message};

/// `ExportLogsServiceRequest`; `LogsData` is the same.
pub static EXPORT_LOGS: Message = Message {
    name: "ExportLogsServiceRequest",
    fields: &[repeated(1, "resource_logs", Nested(&RESOURCE_LOGS))],
};

/// The log records of one resource.
pub static RESOURCE_LOGS: Message = Message {
    name: "ResourceLogs",
    fields: &[
        nested(1, "resource", &RESOURCE).item(),
        repeated(2, "scope_logs", Nested(&SCOPE_LOGS)),
        description(3, "schema_url"),
    ],
};

/// The log records of one instrumentation scope.
pub static SCOPE_LOGS: Message = Message {
    name: "ScopeLogs",
    fields: &[
        nested(1, "scope", &SCOPE).item(),
        repeated(2, "log_records", Nested(&LOG_RECORD)).item(),
        description(3, "schema_url"),
    ],
};

/// A log record.
pub static LOG_RECORD: Message = Message {
    name: "LogRecord",
    fields: &[
        time(1, "time_unix_nano"),
        singular(2, "severity_number", Enumeration(&SEVERITY)),
        singular(3, "severity_text", Text).at_most(NAME_BYTES_MAX),
        nested(5, "body", &ANY_VALUE),
        attributes(6, 7),
        dropped_count(7, "dropped_attributes_count"),
        singular(8, "flags", Fixed32),
        singular(9, "trace_id", Id),
        singular(10, "span_id", Id),
        time(11, "observed_time_unix_nano"),
        singular(12, "event_name", Text).at_most(NAME_BYTES_MAX),
    ],
};

static SEVERITY: Enum = Enum {
    prefix: "SEVERITY_NUMBER_",
    values: &[
        "UNSPECIFIED",
        "TRACE",
        "TRACE2",
        "TRACE3",
        "TRACE4",
        "DEBUG",
        "DEBUG2",
        "DEBUG3",
        "DEBUG4",
        "INFO",
        "INFO2",
        "INFO3",
        "INFO4",
        "WARN",
        "WARN2",
        "WARN3",
        "WARN4",
        "ERROR",
        "ERROR2",
        "ERROR3",
        "ERROR4",
        "FATAL",
        "FATAL2",
        "FATAL3",
        "FATAL4",
    ],
};
