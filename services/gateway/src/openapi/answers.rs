//! The error responses that many calls share, added to each call that can return them.

use contract::api::PROBLEM_JSON;
use utoipa::openapi::{
    Content, Header, OpenApi, Ref, RefOr, Response,
    header::HeaderBuilder,
    path::{Operation, PathItem},
    schema::{ObjectBuilder, Type},
};

/// Statuses with a `Retry-After`: repeating the request later may succeed.
const WITH_RETRY_AFTER: [&str; 2] = ["409", "503"];

/// Adds the shared responses that a call does not describe itself.
pub(super) fn complete(api: &mut OpenApi) {
    for (path, item) in &mut api.paths.paths {
        let PathItem { get, post, delete, .. } = item;
        for (operation, changes) in [(get, false), (post, true), (delete, true)] {
            if let Some(operation) = operation {
                add(operation, path, changes);
            }
        }
    }
}

fn add(operation: &mut Operation, path: &str, changes: bool) {
    let has_parameters = operation.parameters.as_ref().is_some_and(|all| !all.is_empty());
    let has_body = operation.request_body.is_some();
    let all = [
        (
            "400",
            has_parameters || has_body || changes,
            "The request is invalid; the detail names the field.",
        ),
        ("403", changes, "Header Origin names another site."),
        ("404", path.contains('{'), "It does not exist, or is no longer kept."),
        ("408", has_body, "The body took too long to arrive."),
        (
            "409",
            path.contains("{id}"),
            "The job's record cannot be read; the detail says what to do.",
        ),
        ("413", has_body, "The body is too large."),
        ("415", changes, "Header Content-Type names a media type that this call does not accept."),
        ("421", true, "Header Host names a host that this server does not serve."),
        ("500", true, "Internal error."),
        (
            "503",
            true,
            "The broker is unreachable, a store is full, or there are too many requests at the same time.",
        ),
    ];
    let given = &mut operation.responses.responses;
    for (status, _, about) in all.into_iter().filter(|(_, applies, _)| *applies) {
        given.entry(status.to_owned()).or_insert_with(|| RefOr::T(Response::new(about)));
    }
    for (status, answer) in given.iter_mut().filter(|(status, _)| status.as_str() >= "400") {
        if let RefOr::T(answer) = answer {
            let problem = Content::new(Some(Ref::from_schema_name(super::PROBLEM)));
            answer.content.insert(PROBLEM_JSON.to_owned(), problem.into());
            if WITH_RETRY_AFTER.contains(&status.as_str()) {
                answer.headers.insert("Retry-After".to_owned(), retry_after().into());
            }
        }
    }
}

fn retry_after() -> Header {
    let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
    let about = "Seconds after which a repeated request may succeed; absent if it cannot.";
    HeaderBuilder::new().schema(Some(seconds)).description(Some(about)).build()
}
