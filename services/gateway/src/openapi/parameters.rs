//! Corrects the types of optional parameters: they are absent or text. In a header or query, `null` would be a string.

use utoipa::openapi::{
    OpenApi, RefOr, Schema,
    path::{Operation, PathItem},
    schema::{SchemaType, Type},
};

/// Removes `null` from the types of every parameter.
pub(super) fn complete(api: &mut OpenApi) {
    for PathItem { get, post, delete, .. } in api.paths.paths.values_mut() {
        for operation in [get, post, delete].into_iter().flatten() {
            without_null(operation);
        }
    }
}

fn without_null(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(parameter) = parameter else { continue };
        match &mut parameter.schema {
            Some(RefOr::T(Schema::Object(object))) => {
                if let SchemaType::Array(types) = &mut object.schema_type {
                    types.retain(|kind| *kind != Type::Null);
                }
            }
            Some(RefOr::T(Schema::OneOf(choice))) => {
                choice.items.retain(|item| !is_null(item));
                if let [item] = choice.items.as_slice() {
                    parameter.schema = Some(item.clone());
                }
            }
            _ => {}
        }
    }
}

fn is_null(schema: &RefOr<Schema>) -> bool {
    let RefOr::T(Schema::Object(object)) = schema else { return false };
    object.schema_type == SchemaType::Type(Type::Null)
}
