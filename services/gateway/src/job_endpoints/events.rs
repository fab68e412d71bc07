//! `GET /v1/jobs/{id}/events`: a job's states and progress as server-sent events, until it has ended.
//!
//! A `state` event holds the job as `GET /v1/jobs/{id}` shows it, without results; a `progress` event holds its
//! progress. Their id is the record's revision. The stream of a client that reads too slowly is closed.

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

/// Time between two comments that keep an idle stream open.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Sent by a client that reconnects: the id of the last event that it received.
const LAST_EVENT_ID: &str = "last-event-id";

/// Follow a job by server-sent events.
///
/// A `state` event holds the job, a `progress` event its progress; the stream ends when the job has ended. The stream
/// of a client that reads too slowly is closed; the client opens it again and gets the current state.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/events",
    tag = "jobs",
    operation_id = "follow_job",
    params(
        ("id" = JobId, Path, description = "The job's id."),
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event received; sent by browsers."),
    ),
    responses(
        (status = 200, description = "Events until the job has ended.", body = JobEvent, content_type = "text/event-stream"),
        (status = 204, description = "The job has ended, and the client has received its last event."),
    ),
)]
pub(crate) async fn events(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let id = id_of(path)?;
    let broker = app.broker()?;
    // Watch before reading, so that no change in between is missed.
    let watcher = app.index.watchers.watch(id).ok_or_else(too_many)?;
    let now = record_of(broker, id).await?;
    let seen = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok()?.parse::<u64>().ok());
    if seen == Some(now.revision) && now.record.state.is_terminal() {
        // By the SSE standard, a browser does not reconnect after a 204.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let follow = Follow { first: Some((now.revision, now.record)), watcher, sent: Sent::default() };
    let events = follow.events().take_until(app.stop.soft.clone().cancelled_owned());
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE).text("keep-alive");
    Ok(Sse::new(events).keep_alive(keep_alive).into_response())
}

/// One client that follows one job.
struct Follow {
    first: Option<(u64, JobRecord)>,
    watcher: Watcher,
    sent: Sent,
}

impl Follow {
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(Some(self), async |follow| {
            let mut follow = follow?;
            loop {
                let (revision, record) = follow.next().await?;
                let has_ended = record.state.is_terminal();
                if let Some(event) = follow.sent.event(revision, record) {
                    return Some((Ok(event), (!has_ended).then_some(follow)));
                }
            }
        })
    }

    /// The next version of the record; `None` if it is deleted, or this client was too slow.
    async fn next(&mut self) -> Option<(u64, JobRecord)> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        let change = self.watcher.changes.recv().await?;
        Some((change.revision, change.record?))
    }
}

/// What was sent to the client so far.
#[derive(Default)]
struct Sent {
    revision: u64,
    state: Option<JobView>,
    progress: Option<ProgressView>,
}

impl Sent {
    /// The event for a change; `None` if it changes nothing for the client.
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
    let title = "Too many event streams are open";
    let detail = "No more event streams can be opened now. Read the job itself, or try again.";
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "too-many-streams", title, detail).retry_after(5)
}
