//! `POST /v1/dead-letters/redrive`: redrives many dead letters, oldest first, limited in number and time.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Json, extract::State};
use contract::{
    BodyError,
    api::{REDRIVE_LIMIT_DEFAULT, REDRIVE_LIMIT_MAX, RedriveFailure, RedriveMany, RedrivenMany},
    parse_json,
    signals::reason::DEAD_LETTERS,
};
use futures_util::{StreamExt as _, stream};
use tokio::time::timeout;

use super::{
    READS_CONCURRENT_MAX, READS_MAX,
    dead_letter::{Filter, known_reason, read},
    redrive::redrive_one,
};
use crate::{app::App, body::WholeBody, broker::Broker, error::ApiError, query::one_of};

/// Longest time for one batch; the cursor points to the rest.
const BATCH_TIME_MAX: Duration = Duration::from_secs(20);
/// Timeout for the state of the stream.
const INFO_TIMEOUT: Duration = Duration::from_secs(3);

/// Redrive many dead letters, oldest first.
///
/// A dead letter that cannot be redriven is kept and listed in `failed`. With a `next_cursor` there may be more.
#[utoipa::path(
    post,
    path = "/v1/dead-letters/redrive",
    tag = "dead-letters",
    operation_id = "redrive_dead_letters",
    request_body = RedriveMany,
    responses((status = 200, description = "The result for each dead letter.", body = RedrivenMany)),
)]
pub(crate) async fn redrive_many(
    State(app): State<Arc<App>>,
    WholeBody(body): WholeBody,
) -> Result<Json<RedrivenMany>, ApiError> {
    let batch = Batch::read(&parse_json::<RedriveMany>(&body)?)?;
    let broker = app.broker()?;
    app.capacity.check()?;
    Ok(Json(batch.redrive(broker).await?))
}

/// A valid request for a batch.
struct Batch {
    filter: Filter,
    limit: u32,
    after: u64,
}

impl Batch {
    fn read(body: &RedriveMany) -> Result<Self, BodyError> {
        let reason = match &body.reason {
            Some(name) => Some(known_reason(name).ok_or_else(|| {
                let known = one_of(DEAD_LETTERS.iter().copied());
                BodyError::new("reason", format!("must be {known}"))
            })?),
            None => None,
        };
        let limit = body.limit.unwrap_or(REDRIVE_LIMIT_DEFAULT);
        if !(1..=REDRIVE_LIMIT_MAX).contains(&limit) {
            let problem = format!("must be 1..={REDRIVE_LIMIT_MAX}, got {limit}");
            return Err(BodyError::new("limit", problem));
        }
        let after = body.cursor.as_deref().unwrap_or("0").parse();
        let after = after.map_err(|_| {
            BodyError::new("cursor", "must be the next_cursor of the previous call")
        })?;
        Ok(Self { filter: Filter { stage: body.stage, reason }, limit, after })
    }

    async fn redrive(&self, broker: &Broker) -> Result<RedrivenMany, ApiError> {
        let info = timeout(INFO_TIMEOUT, broker.dead.get_info()).await;
        let info = info.map_err(|_| {
            ApiError::broker_away("timed out reading the state of the stream of dead letters")
        })?;
        let state = info.map_err(ApiError::broker_away)?.state;
        let first = state.first_sequence.max(self.after.saturating_add(1));
        // Messages dead-lettered again during the batch come after this.
        let last = state.last_sequence;
        let end = last.min(first.saturating_add(READS_MAX - 1));
        let reads = (first..=end).map(|seq| async move { (seq, read(&broker.dead, seq).await) });
        let mut reads = std::pin::pin!(stream::iter(reads).buffered(READS_CONCURRENT_MAX));
        let (mut done, mut reached) = (RedrivenMany::default(), first.saturating_sub(1));
        let end_at = Instant::now() + BATCH_TIME_MAX;
        while done.redriven < self.limit
            && Instant::now() < end_at
            && let Some((seq, found)) = reads.next().await
        {
            let matches = found?.is_some_and(|found| self.filter.matches(&found.view()));
            if matches && !note(&mut done, seq, redrive_one(broker, seq).await.map(drop)) {
                break;
            }
            reached = seq;
        }
        done.next_cursor = (reached < last).then(|| reached.to_string());
        Ok(done)
    }
}

/// Adds the result of one redrive. False on a server error, which the rest of the batch would meet, too.
fn note(done: &mut RedrivenMany, seq: u64, outcome: Result<(), ApiError>) -> bool {
    let Err(error) = outcome else {
        done.redriven += 1;
        return true;
    };
    let problem = error.problem();
    let (kind, detail) = (problem.kind.clone(), problem.detail.clone());
    done.failed.push(RedriveFailure { seq, kind, detail });
    !error.status().is_server_error()
}
