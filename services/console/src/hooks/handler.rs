//! `POST /hooks/{name}`: receives a webhook and responds as requested.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRef, Path, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use http_body_util::BodyExt as _;
use runtime::problem::ProblemResponse;
use serde_json::{Value, json};

use super::fields::HookFields;
use super::hook::{Hook, is_name};
use super::receiver::Hooks;
use super::requested_response::RequestedResponse;
use crate::query::QueryParameters;

/// Largest body.
pub(crate) const BODY_BYTES_MAX: usize = 64 * 1024;

/// Bytes of an oversized body that are read and discarded, so that the sender can read the response.
const DISCARDED_MAX: usize = 4 * 1024 * 1024;

/// Why a webhook is rejected.
#[derive(Debug)]
enum HookRejection {
    InvalidName,
    TooLarge,
    Incomplete,
    NotJson(String),
}

/// `POST /hooks/{name}`.
pub(crate) fn router<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<Hooks>: FromRef<S>,
{
    Router::new().route("/hooks/{name}", post(receive))
}

/// Accepts any JSON body.
async fn receive(
    State(hooks): State<Arc<Hooks>>,
    Path(name): Path<String>,
    parameters: QueryParameters,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let requested = match RequestedResponse::read(parameters) {
        Ok(requested) => requested,
        Err(bad) => return bad.into_response(),
    };
    match read(&hooks, name, &headers, body).await {
        Ok(hook) => {
            let (arrivals, status) = hooks.inbox.keep(hook, &requested);
            respond(status, arrivals, &requested)
        }
        Err(rejection) => rejection.into_response(),
    }
}

async fn read(
    hooks: &Hooks,
    name: String,
    headers: &HeaderMap,
    body: Body,
) -> Result<Hook, HookRejection> {
    if !is_name(&name) {
        return Err(HookRejection::InvalidName);
    }
    let bytes = collect(body).await?;
    let text =
        std::str::from_utf8(&bytes).map_err(|error| HookRejection::NotJson(error.to_string()))?;
    let parsed = serde_json::from_str::<Value>(text);
    let parsed = parsed.map_err(|error| HookRejection::NotJson(error.to_string()))?;
    let fields = HookFields::of(headers, &parsed);
    let now = hooks.now_ms();
    Ok(Hook {
        number: 0,
        name,
        first_at_ms: now,
        last_at_ms: now,
        arrivals: 1,
        body_changed: false,
        response_status: 0,
        signature: hooks.check(&fields, text),
        fields,
        body: text.into(),
    })
}

async fn collect(mut body: Body) -> Result<Vec<u8>, HookRejection> {
    let (mut bytes, mut seen) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| HookRejection::Incomplete)?.into_data() else { continue };
        seen += data.len();
        if seen <= BODY_BYTES_MAX {
            bytes.extend_from_slice(&data);
        } else if seen > DISCARDED_MAX {
            break;
        }
    }
    if seen <= BODY_BYTES_MAX { Ok(bytes) } else { Err(HookRejection::TooLarge) }
}

fn respond(status: StatusCode, arrivals: u64, requested: &RequestedResponse) -> Response {
    // Responses with these statuses have no body.
    let is_empty = matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT);
    let mut response = if is_empty {
        status.into_response()
    } else {
        (status, Json(json!({"arrivals": arrivals}))).into_response()
    };
    if let Some(seconds) = requested.retry_after(status) {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

impl IntoResponse for HookRejection {
    fn into_response(self) -> Response {
        let (status, name, title, detail) = match self {
            Self::InvalidName => (
                StatusCode::BAD_REQUEST,
                "bad-hook-name",
                "The name in the path is invalid",
                "The name in /hooks/{name} must have 1 to 40 characters of a-z, 0-9 and '-'."
                    .to_owned(),
            ),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "body-too-large",
                "The webhook is too large",
                format!("The body must be at most {} KiB.", BODY_BYTES_MAX / 1024),
            ),
            Self::Incomplete => (
                StatusCode::BAD_REQUEST,
                "body-broken-off",
                "The webhook is incomplete",
                "The connection closed before the end of the body.".to_owned(),
            ),
            Self::NotJson(why) => (
                StatusCode::BAD_REQUEST,
                "not-json",
                "The webhook is not JSON",
                format!("The body must be JSON in UTF-8: {why}."),
            ),
        };
        ProblemResponse::new(status, name, title, detail).into_response()
    }
}
