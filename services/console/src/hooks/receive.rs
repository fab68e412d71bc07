//! `POST /hooks/{name}`: receives a webhook and responds as requested.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt as _;
use runtime::problem::ProblemResponse;
use serde_json::{Value, json};

use super::answer::Wanted;
use super::hook::Said;
use super::{Hook, Hooks, Signature, is_name};
use crate::api::query::RawQuery;
use crate::start::Shared;

/// Largest body.
pub(crate) const BODY_BYTES_MAX: usize = 64 * 1024;

/// Bytes of an oversized body that are read and discarded, so that the sender can read the response.
const DISCARDED_MAX: usize = 4 * 1024 * 1024;

/// Why a webhook is refused.
#[derive(Debug)]
enum Refusal {
    Name,
    TooLarge,
    Broken,
    NotJson(String),
}

/// Accepts any JSON body.
pub(crate) async fn receive(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    query: RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let wanted = match Wanted::read(query) {
        Ok(wanted) => wanted,
        Err(bad) => return bad.into_response(),
    };
    match read(&shared.hooks, name, &headers, body).await {
        Ok(hook) => {
            let (arrivals, status) = shared.hooks.inbox.keep(hook, &wanted);
            answer(status, arrivals, &wanted)
        }
        Err(refusal) => refusal.into_response(),
    }
}

async fn read(
    hooks: &Hooks,
    name: String,
    headers: &HeaderMap,
    body: Body,
) -> Result<Hook, Refusal> {
    if !is_name(&name) {
        return Err(Refusal::Name);
    }
    let bytes = collect(body).await?;
    let text = std::str::from_utf8(&bytes).map_err(|error| Refusal::NotJson(error.to_string()))?;
    let parsed = serde_json::from_str::<Value>(text);
    let parsed = parsed.map_err(|error| Refusal::NotJson(error.to_string()))?;
    let now = hooks.clock.stamp_ms();
    let mut hook = Hook {
        number: 0,
        name,
        first_at_ms: now,
        last_at_ms: now,
        arrivals: 1,
        body_changed: false,
        answer: 0,
        signature: Signature::Unsigned,
        said: Said::of(headers, &parsed),
        body: text.into(),
    };
    hook.signature = hooks.check(&hook);
    Ok(hook)
}

async fn collect(mut body: Body) -> Result<Vec<u8>, Refusal> {
    let (mut bytes, mut seen) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Refusal::Broken)?.into_data() else { continue };
        seen += data.len();
        if seen <= BODY_BYTES_MAX {
            bytes.extend_from_slice(&data);
        } else if seen > DISCARDED_MAX {
            break;
        }
    }
    if seen <= BODY_BYTES_MAX { Ok(bytes) } else { Err(Refusal::TooLarge) }
}

fn answer(status: StatusCode, arrivals: u64, wanted: &Wanted) -> Response {
    // These two have no body.
    let is_empty = matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT);
    let mut answer = if is_empty {
        status.into_response()
    } else {
        (status, Json(json!({"arrivals": arrivals}))).into_response()
    };
    if let Some(seconds) = wanted.retry_after(status) {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, name, title, detail) = match self {
            Self::Name => (
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
            Self::Broken => (
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
