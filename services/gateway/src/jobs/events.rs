//! `GET /v1/jobs/{id}/events`: a job's states and progress as server-sent events, until it has ended.
//!
//! `state` events hold the job as `GET /v1/jobs/{id}` shows it, without results; `progress` events how far
//! it is. Their id is the record's revision. A client that reads too slowly is left behind.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, StatusCode},
    response::{
        IntoResponse as _, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use contract::{
    JobId,
    api::{JobEvent, JobView, ProgressView},
    record::JobRecord,
};
use futures_util::{Stream, StreamExt as _, stream};

use super::{id_of, record_of};
use crate::{app::App, error::ApiError, index::watchers::Watcher};

/// Time between two comments that keep a quiet stream open.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// What a client sends that was here before: the id of the last event it saw.
const LAST_EVENT_ID: &str = "last-event-id";

/// Follow a job by server-sent events.
///
/// `state` events hold the job, `progress` events how far it is; the end of the job ends the stream. A client
/// that reads too slowly is left behind: it opens the stream again and is brought up to date.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/events",
    tag = "jobs",
    operation_id = "follow_job",
    params(
        ("id" = JobId, Path, description = "The job's id."),
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event seen; sent by browsers."),
    ),
    responses(
        (status = 200, description = "Events until the job has ended.", body = JobEvent, content_type = "text/event-stream"),
        (status = 204, description = "The job has ended, and the client has seen it."),
    ),
)]
pub(crate) async fn events(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let id = id_of(path)?;
    let broker = app.broker()?;
    // Watched before it is read: what happens in between is seen.
    let watcher = app.index.watchers.watch(id).ok_or_else(too_many)?;
    let now = record_of(broker, id).await?;
    let seen = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok()?.parse::<u64>().ok());
    if seen == Some(now.revision) && now.record.state.is_terminal() {
        // By the standard this tells a browser not to come again.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let follow = Follow { first: Some((now.revision, now.record)), watcher, told: Told::default() };
    let events = follow.events().take_until(app.stop.soft.clone().cancelled_owned());
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE).text("still here");
    Ok(Sse::new(events).keep_alive(keep_alive).into_response())
}

/// One client that follows one job.
struct Follow {
    first: Option<(u64, JobRecord)>,
    watcher: Watcher,
    told: Told,
}

impl Follow {
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(Some(self), async |follow| {
            let mut follow = follow?;
            loop {
                let (revision, record) = follow.next().await?;
                let has_ended = record.state.is_terminal();
                if let Some(event) = follow.told.event(revision, record) {
                    return Some((Ok(event), (!has_ended).then_some(follow)));
                }
            }
        })
    }

    /// The record as it next changes; `None` when it is gone, or this client was too slow.
    async fn next(&mut self) -> Option<(u64, JobRecord)> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        let change = self.watcher.changes.recv().await?;
        Some((change.revision, change.record?))
    }
}

/// What a client knows by now.
#[derive(Default)]
struct Told {
    revision: u64,
    state: Option<JobView>,
    progress: Option<ProgressView>,
}

impl Told {
    /// The event that brings the client up to date, if it is not.
    fn event(&mut self, revision: u64, record: JobRecord) -> Option<Event> {
        if revision <= self.revision {
            return None;
        }
        self.revision = revision;
        let mut view = JobView::of(record, None);
        let progress = view.progress.take();
        let event = Event::default().id(revision.to_string());
        if self.state.as_ref() != Some(&view) {
            let event = event.event("state").json_data(&view).ok()?;
            (self.state, self.progress) = (Some(view), progress);
            return Some(event);
        }
        if self.progress == progress {
            return None;
        }
        self.progress = progress;
        event.event("progress").json_data(progress?).ok()
    }
}

fn too_many() -> ApiError {
    let title = "Too many clients follow jobs";
    let detail = "No more event streams can be opened now. Ask for the job itself, or try again.";
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "too-many-streams", title, detail).retry_after(5)
}
