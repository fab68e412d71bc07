//! `common.proto`, `resource.proto`.

use super::{attributes, choice, description, dropped_count, many, name, one, part};
use crate::limits::KEY_BYTES_MAX;
use crate::schema::Kind::{Bool, Bytes, Double, Int32, Int64, Message as Nested, Text};
use crate::schema::Message;

/// The value of an attribute, or the body of a log record.
pub static ANY_VALUE: Message = Message {
    name: "AnyValue",
    fields: &[
        choice(1, "string_value", Text),
        choice(2, "bool_value", Bool),
        choice(3, "int_value", Int64),
        choice(4, "double_value", Double),
        choice(5, "array_value", Nested(&ARRAY_VALUE)),
        choice(6, "kvlist_value", Nested(&KEY_VALUE_LIST)),
        choice(7, "bytes_value", Bytes),
        choice(8, "string_value_strindex", Int32),
    ],
};

/// A list of values.
pub static ARRAY_VALUE: Message =
    Message { name: "ArrayValue", fields: &[many(1, "values", Nested(&ANY_VALUE))] };

/// A map, as a list of pairs.
pub static KEY_VALUE_LIST: Message =
    Message { name: "KeyValueList", fields: &[many(1, "values", Nested(&KEY_VALUE))] };

/// An attribute.
pub static KEY_VALUE: Message = Message {
    name: "KeyValue",
    fields: &[
        one(1, "key", Text).at_most(KEY_BYTES_MAX),
        part(2, "value", &ANY_VALUE),
        one(3, "key_strindex", Int32),
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

/// Which attributes of a resource identify an entity.
pub static ENTITY_REF: Message = Message {
    name: "EntityRef",
    fields: &[
        description(1, "schema_url"),
        description(2, "type"),
        many(3, "id_keys", Text),
        many(4, "description_keys", Text),
    ],
};

/// Who sends.
pub static RESOURCE: Message = Message {
    name: "Resource",
    fields: &[
        attributes(1, 2),
        dropped_count(2, "dropped_attributes_count"),
        many(3, "entity_refs", Nested(&ENTITY_REF)),
    ],
};
