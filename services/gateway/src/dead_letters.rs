//! `GET /v1/dead-letters`: what could not be handled, newest first.
//!
//! Bodies and headers of dead letters are whatever somebody sent: they are counted and shown, never believed.

use std::{sync::Arc, time::Duration};

use async_nats::{
    HeaderMap,
    jetstream::{
        message::StreamMessage,
        stream::{DirectGetErrorKind, Stream},
    },
};
use axum::{Json, extract::State, http::Uri};
use contract::{
    api::{DeadLetterList, DeadLetterView, dead_header, known_stage, rfc3339},
    event::CE_SUBJECT,
    waybill::{SpanRef, TRACEPARENT},
};
use futures_util::{StreamExt as _, stream};
use tokio::time::timeout;

use crate::{
    app::App,
    error::ApiError,
    query::{CURSOR, LIMIT, Query},
};

/// Looks for one page. Letters that were driven again leave gaps; a page may end before it is full.
const LOOKS_MAX: u64 = 2_000;
/// Looks at once.
const LOOKS_AT_ONCE: usize = 32;
/// How long one page may take.
const PAGE_TIME_MAX: Duration = Duration::from_secs(3);
/// The stage of a letter that names none of ours.
const NO_STAGE: &str = "unknown";

pub(crate) async fn list(
    State(app): State<Arc<App>>,
    uri: Uri,
) -> Result<Json<DeadLetterList>, ApiError> {
    let query = Query::read(&uri, &[LIMIT, CURSOR])?;
    let must = "the next_cursor of the page before";
    let before = query.get(CURSOR, |text| text.parse::<u64>().ok(), must)?;
    let limit = query.limit()?;
    let page = page(&app.broker()?.dead, before, limit);
    let page = timeout(PAGE_TIME_MAX, page).await;
    page.unwrap_or_else(|_| Err(ApiError::broker_away("dead letters took too long"))).map(Json)
}

/// Looks backwards from `before`, or from the end, until the page is full or the looks are used up.
async fn page(
    letters: &Stream<()>,
    before: Option<u64>,
    limit: usize,
) -> Result<DeadLetterList, ApiError> {
    let state = letters.get_info().await.map_err(ApiError::broker_away)?.state;
    let end = before.unwrap_or(u64::MAX).min(state.last_sequence.saturating_add(1));
    let first = state.first_sequence.max(1);
    let lowest = end.saturating_sub(LOOKS_MAX).max(first);
    let looks = (lowest..end).rev().map(|seq| async move { (seq, look(letters, seq).await) });
    let mut looks = std::pin::pin!(stream::iter(looks).buffered(LOOKS_AT_ONCE));
    let (mut dead_letters, mut reached) = (Vec::new(), end);
    while dead_letters.len() < limit
        && let Some((seq, letter)) = looks.next().await
    {
        dead_letters.extend(letter?.map(|letter| view(&letter)));
        reached = seq;
    }
    let next_cursor = (reached > first).then(|| reached.to_string());
    Ok(DeadLetterList { dead_letters, next_cursor })
}

/// The letter at `seq`; none where there is a gap.
async fn look(letters: &Stream<()>, seq: u64) -> Result<Option<StreamMessage>, ApiError> {
    match letters.direct_get(seq).await {
        Ok(letter) => Ok(Some(letter)),
        Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
        Err(error) => Err(ApiError::broker_away(error)),
    }
}

fn view(letter: &StreamMessage) -> DeadLetterView {
    let text = |name| header(&letter.headers, name);
    let stage = text(dead_header::STAGE).and_then(known_stage);
    let dead_at_ms = letter.time.unix_timestamp_nanos() / 1_000_000;
    DeadLetterView {
        seq: letter.sequence,
        stage: stage.map_or(NO_STAGE, contract::Stage::name).to_owned(),
        reason: text(dead_header::REASON).unwrap_or_default().to_owned(),
        detail: text(dead_header::DETAIL).unwrap_or_default().to_owned(),
        job: text(CE_SUBJECT).and_then(|job| job.parse().ok()),
        attempts: text(dead_header::ATTEMPTS).and_then(|n| n.parse().ok()).unwrap_or_default(),
        dead_at: rfc3339(i64::try_from(dead_at_ms).unwrap_or_default()),
        trace_id: text(TRACEPARENT)
            .and_then(|place| place.parse::<SpanRef>().ok())
            .map(|place| place.trace_hex()),
        bytes: letter.payload.len(),
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(async_nats::HeaderValue::as_str)
}
