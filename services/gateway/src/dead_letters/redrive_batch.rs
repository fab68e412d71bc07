//! `POST /v1/dead-letters/redrive`: many at once, the oldest first, within limits of number and time.

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
    LOOKS_AT_ONCE, LOOKS_MAX,
    letter::{Filter, known_reason, look},
    redrive::redrive_one,
};
use crate::{app::App, body::WholeBody, broker::Broker, error::ApiError, query::one_of};

/// How long one batch may take; what is left is told by the cursor.
const BATCH_TIME_MAX: Duration = Duration::from_secs(20);
/// How long the broker may take to tell what there is.
const LOOK_TIME_MAX: Duration = Duration::from_secs(3);

/// Drive many dead letters again, the oldest first.
///
/// What cannot be driven again stays and is listed. A `next_cursor` says that there may be more.
#[utoipa::path(
    post,
    path = "/v1/dead-letters/redrive",
    tag = "dead-letters",
    operation_id = "redrive_dead_letters",
    request_body = RedriveMany,
    responses((status = 200, description = "What came of each.", body = RedrivenMany)),
)]
pub(crate) async fn redrive_many(
    State(app): State<Arc<App>>,
    WholeBody(body): WholeBody,
) -> Result<Json<RedrivenMany>, ApiError> {
    let wanted = Wanted::read(&parse_json::<RedriveMany>(&body)?)?;
    let broker = app.broker()?;
    app.capacity.check()?;
    Ok(Json(wanted.redrive(broker).await?))
}

/// A batch that can be asked for.
struct Wanted {
    filter: Filter,
    limit: u32,
    after: u64,
}

impl Wanted {
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
            let problem = format!("must be 1 to {REDRIVE_LIMIT_MAX}, is {limit}");
            return Err(BodyError::new("limit", problem));
        }
        let after = body.cursor.as_deref().unwrap_or("0").parse();
        let after = after
            .map_err(|_| BodyError::new("cursor", "must be the next_cursor of the call before"))?;
        Ok(Self { filter: Filter { stage: body.stage, reason }, limit, after })
    }

    async fn redrive(&self, broker: &Broker) -> Result<RedrivenMany, ApiError> {
        let info = timeout(LOOK_TIME_MAX, broker.dead.get_info()).await;
        let info = info.map_err(|_| ApiError::broker_away("no answer in time"))?;
        let state = info.map_err(ApiError::broker_away)?.state;
        let first = state.first_sequence.max(self.after.saturating_add(1));
        // What dies again during the batch comes after this.
        let last = state.last_sequence;
        let end = last.min(first.saturating_add(LOOKS_MAX - 1));
        let looks = (first..=end).map(|seq| async move { (seq, look(&broker.dead, seq).await) });
        let mut looks = std::pin::pin!(stream::iter(looks).buffered(LOOKS_AT_ONCE));
        let (mut done, mut reached) = (RedrivenMany::default(), first.saturating_sub(1));
        let give_up = Instant::now() + BATCH_TIME_MAX;
        while done.redriven < self.limit
            && Instant::now() < give_up
            && let Some((seq, letter)) = looks.next().await
        {
            let wanted = letter?.is_some_and(|letter| self.filter.fits(&letter.view()));
            if wanted && !note(&mut done, seq, redrive_one(broker, seq).await.map(drop)) {
                break;
            }
            reached = seq;
        }
        done.next_cursor = (reached < last).then(|| reached.to_string());
        Ok(done)
    }
}

/// Notes what came of one letter. False when the broker is in the way of all that follow.
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
