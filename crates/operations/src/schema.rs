//! The schema of an operation in the description of the HTTP API.

use utoipa::openapi::{ObjectBuilder, OneOfBuilder, RefOr, Schema, Type};

/// One of the kinds: the fields of its type, and `kind` with its name.
pub(crate) fn one_of<const N: usize>(kinds: [(&str, RefOr<Schema>); N]) -> RefOr<Schema> {
    let about = "One operation of a job. `kind` says which; the other fields depend on it.";
    let start = OneOfBuilder::new().description(Some(about));
    let add = |schema: OneOfBuilder, (name, kind)| schema.item(tagged(name, kind));
    kinds.into_iter().fold(start, add).into()
}

fn tagged(name: &str, mut kind: RefOr<Schema>) -> RefOr<Schema> {
    if let RefOr::T(Schema::Object(object)) = &mut kind {
        let tag = ObjectBuilder::new().schema_type(Type::String).enum_values(Some([name])).into();
        object.properties.insert("kind".to_owned(), tag);
        object.required.push("kind".to_owned());
    }
    kind
}
