//! Messages of `common.proto` and `resource.proto`.

use super::{attributes, description, dropped_count, name, nested, oneof, repeated, singular};
use crate::limits::KEY_BYTES_MAX;
use crate::schema::FieldKind::{Bool, Bytes, Double, Int32, Int64, Message as Nested, Text};
use crate::schema::Message;

/// The value of an attribute, or the body of a log record.
pub static ANY_VALUE: Message = Message {
    name: "AnyValue",
    fields: &[
        oneof(1, "string_value", Text),
        oneof(2, "bool_value", Bool),
        oneof(3, "int_value", Int64),
        oneof(4, "double_value", Double),
        oneof(5, "array_value", Nested(&ARRAY_VALUE)),
        oneof(6, "kvlist_value", Nested(&KEY_VALUE_LIST)),
        oneof(7, "bytes_value", Bytes),
        oneof(8, "string_value_strindex", Int32),
    ],
};

/// A list of values.
pub static ARRAY_VALUE: Message =
    Message { name: "ArrayValue", fields: &[repeated(1, "values", Nested(&ANY_VALUE))] };

/// A map, as a list of pairs.
pub static KEY_VALUE_LIST: Message =
    Message { name: "KeyValueList", fields: &[repeated(1, "values", Nested(&KEY_VALUE))] };

/// An attribute.
pub static KEY_VALUE: Message = Message {
    name: "KeyValue",
    fields: &[
        singular(1, "key", Text).at_most(KEY_BYTES_MAX),
        nested(2, "value", &ANY_VALUE),
        singular(3, "key_strindex", Int32),
    ],
};

/// An instrumentation scope.
pub static SCOPE: Message = Message {
    name: "InstrumentationScope",
    fields: &[
        name(1),
        description(2, "version"),
        attributes(3, 4),
        dropped_count(4, "dropped_attributes_count"),
    ],
};

/// An entity, identified by attributes of a resource.
pub static ENTITY_REF: Message = Message {
    name: "EntityRef",
    fields: &[
        description(1, "schema_url"),
        description(2, "type"),
        repeated(3, "id_keys", Text),
        repeated(4, "description_keys", Text),
    ],
};

/// The resource that sends telemetry.
pub static RESOURCE: Message = Message {
    name: "Resource",
    fields: &[
        attributes(1, 2),
        dropped_count(2, "dropped_attributes_count"),
        repeated(3, "entity_refs", Nested(&ENTITY_REF)),
    ],
};
