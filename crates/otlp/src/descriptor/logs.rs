//! `logs.proto`, and the export request that has the same fields.

use super::{
    ANY_VALUE, RESOURCE, SCOPE, attributes, description, dropped_count, many, one, part, time,
};
use crate::limits::NAME_BYTES_MAX;
use crate::schema::Kind::{Enum as Enumeration, Fixed32, Id, Message as Nested, Text};
use crate::schema::{Enum, Message};

/// `ExportLogsServiceRequest`; `LogsData` is the same.
pub static EXPORT_LOGS: Message = Message {
    name: "ExportLogsServiceRequest",
    fields: &[many(1, "resource_logs", Nested(&RESOURCE_LOGS))],
};

/// What one resource sent.
pub static RESOURCE_LOGS: Message = Message {
    name: "ResourceLogs",
    fields: &[
        part(1, "resource", &RESOURCE).item(),
        many(2, "scope_logs", Nested(&SCOPE_LOGS)),
        description(3, "schema_url"),
    ],
};

/// What one scope sent.
pub static SCOPE_LOGS: Message = Message {
    name: "ScopeLogs",
    fields: &[
        part(1, "scope", &SCOPE).item(),
        many(2, "log_records", Nested(&LOG_RECORD)).item(),
        description(3, "schema_url"),
    ],
};

/// A log record.
pub static LOG_RECORD: Message = Message {
    name: "LogRecord",
    fields: &[
        time(1, "time_unix_nano"),
        one(2, "severity_number", Enumeration(&SEVERITY)),
        one(3, "severity_text", Text).at_most(NAME_BYTES_MAX),
        part(5, "body", &ANY_VALUE),
        attributes(6, 7),
        dropped_count(7, "dropped_attributes_count"),
        one(8, "flags", Fixed32),
        one(9, "trace_id", Id),
        one(10, "span_id", Id),
        time(11, "observed_time_unix_nano"),
        one(12, "event_name", Text).at_most(NAME_BYTES_MAX),
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
