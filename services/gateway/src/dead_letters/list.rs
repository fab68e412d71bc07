//! `GET /v1/dead-letters`: lists dead letters, newest first.

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::stream::Stream;
use axum::{Json, extract::State, http::Uri};
use contract::{
    Stage,
    api::{DeadLetterList, DeadLetterReasonSchema},
    signals::reason::DEAD_LETTERS,
};
use futures_util::{StreamExt as _, stream::iter};
use tokio::time::timeout;

use super::{
    READS_CONCURRENT_MAX, READS_MAX,
    dead_letter::{Filter, known_reason, read},
};
use crate::{
    app::App,
    error::ApiError,
    query::{CURSOR, LIMIT, Query, one_of},
};

/// Parameter: only dead letters of this stage.
const STAGE: &str = "stage";
/// Parameter: only dead letters with this reason.
const REASON: &str = "reason";
/// How long one page may take.
const PAGE_TIME_MAX: Duration = Duration::from_secs(3);

/// List dead letters, the newest first.
///
/// A page may hold fewer than `limit` and still have a `next_cursor`.
#[utoipa::path(
    get,
    path = "/v1/dead-letters",
    tag = "dead-letters",
    operation_id = "list_dead_letters",
    params(
        ("stage" = Option<Stage>, Query, description = "Only dead letters of this stage."),
        ("reason" = Option<DeadLetterReasonSchema>, Query, description = "Only dead letters with this reason."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "Dead letters on a page; 50 if absent."),
        ("cursor" = Option<String>, Query, pattern = "^[0-9]{1,19}$", description = "The `next_cursor` of the previous page."),
    ),
    responses((status = 200, description = "A page of dead letters.", body = DeadLetterList)),
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    uri: Uri,
) -> Result<Json<DeadLetterList>, ApiError> {
    let query = Query::read(&uri, &[STAGE, REASON, LIMIT, CURSOR])?;
    let filter = Filter {
        stage: query.get(STAGE, Stage::named, &one_of(Stage::ALL.map(Stage::name)))?,
        reason: query.get(REASON, known_reason, &one_of(DEAD_LETTERS.iter().copied()))?,
    };
    let must = "the next_cursor of the previous page";
    let before = query.get(CURSOR, |text| text.parse::<u64>().ok(), must)?;
    let limit = query.limit()?;
    let page = page(&app.broker()?.dead, &filter, before, limit);
    let page = timeout(PAGE_TIME_MAX, page).await;
    page.unwrap_or_else(|_| Err(ApiError::broker_away("timed out listing dead letters"))).map(Json)
}

/// Reads backwards from `before`, or from the end, until the page is full or [`READS_MAX`] is reached.
async fn page(
    stream: &Stream<()>,
    filter: &Filter,
    before: Option<u64>,
    limit: usize,
) -> Result<DeadLetterList, ApiError> {
    let state = stream.get_info().await.map_err(ApiError::broker_away)?.state;
    let end = before.unwrap_or(u64::MAX).min(state.last_sequence.saturating_add(1));
    let first = state.first_sequence.max(1);
    let lowest = end.saturating_sub(READS_MAX).max(first);
    let reads = (lowest..end).rev().map(|seq| async move { (seq, read(stream, seq).await) });
    let mut reads = std::pin::pin!(iter(reads).buffered(READS_CONCURRENT_MAX));
    let (mut dead_letters, mut reached) = (Vec::new(), end);
    while dead_letters.len() < limit
        && let Some((seq, found)) = reads.next().await
    {
        dead_letters.extend(found?.map(|found| found.view()).filter(|view| filter.matches(view)));
        reached = seq;
    }
    let next_cursor = (reached > first).then(|| reached.to_string());
    Ok(DeadLetterList { dead_letters, next_cursor })
}
