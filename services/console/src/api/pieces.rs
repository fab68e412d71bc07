//! Writes telemetry in OTLP's JSON form piece by piece: a trace or a metric may have more spans or series than should be
//! in memory as text, and a reader may be slow. What leaves the store meanwhile is left out.

use std::convert::Infallible;
use std::sync::Arc;
use std::vec;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use otlp::{Message, descriptor, json};

use crate::start::Shared;
use crate::store::{Group, ResourceScope, SpanId, Store, TraceId};
use crate::work::Workers;

/// A piece is sent when it has this many bytes.
const PIECE_BYTES: usize = 64 * 1024;

/// What is written, and the names of OTLP's envelope for it.
pub(super) trait Items: Send + Sync + 'static {
    /// Names an item.
    type Key: Send + 'static;
    const SENDERS: &str;
    const SCOPES: &str;
    const ITEMS: &str;
    const MESSAGE: &Message;

    /// The encoded item, if it is still there.
    fn item(&self, store: &Store, key: &Self::Key) -> Option<Vec<u8>>;
}

/// The spans of a trace.
pub(super) struct Spans(pub(super) TraceId);

/// The latest points of series.
pub(super) struct Metrics;

impl Items for Spans {
    type Key = SpanId;
    const SENDERS: &str = "resourceSpans";
    const SCOPES: &str = "scopeSpans";
    const ITEMS: &str = "spans";
    const MESSAGE: &Message = &descriptor::SPAN;

    fn item(&self, store: &Store, key: &SpanId) -> Option<Vec<u8>> {
        Some(store.span(self.0, *key)?.bytes().into_owned())
    }
}

impl Items for Metrics {
    type Key = Arc<[u8]>;
    const SENDERS: &str = "resourceMetrics";
    const SCOPES: &str = "scopeMetrics";
    const ITEMS: &str = "metrics";
    const MESSAGE: &Message = &descriptor::METRIC;

    fn item(&self, store: &Store, key: &Arc<[u8]>) -> Option<Vec<u8>> {
        store.metric(key)
    }
}

/// The answer with these items.
pub(super) fn answer<I: Items>(shared: &Shared, items: I, groups: Vec<Group<I::Key>>) -> Response {
    let writer = Writer {
        store: Arc::clone(&shared.store),
        items,
        groups: groups.into_iter(),
        open: None,
        state: State::Before,
    };
    let pieces = stream::unfold((writer, shared.workers.clone()), |(writer, workers)| async move {
        let (piece, writer) = next(writer, &workers).await?;
        Some((Ok::<_, Infallible>(piece), (writer, workers)))
    });
    ([(CONTENT_TYPE, "application/json")], Body::from_stream(pieces)).into_response()
}

async fn next<I: Items>(mut writer: Writer<I>, workers: &Workers) -> Option<(Bytes, Writer<I>)> {
    if writer.state == State::After {
        return None;
    }
    Some(workers.run(move || (writer.piece().into(), writer)).await)
}

struct Writer<I: Items> {
    store: Arc<Store>,
    items: I,
    groups: vec::IntoIter<Group<I::Key>>,
    /// The group that is being written, and whether an item of it has been.
    open: Option<(Arc<ResourceScope>, vec::IntoIter<I::Key>, bool)>,
    state: State,
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum State {
    Before,
    /// No group has been written yet.
    First,
    Within,
    After,
}

impl<I: Items> Writer<I> {
    fn piece(&mut self) -> Vec<u8> {
        let mut out = Vec::with_capacity(PIECE_BYTES);
        if self.state == State::Before {
            put(&mut out, &["{\"", I::SENDERS, "\":["]);
            self.state = State::First;
        }
        while out.len() < PIECE_BYTES && self.state != State::After {
            match self.open.take() {
                Some(group) => self.go_on(group, &mut out),
                None => self.begin(&mut out),
            }
        }
        out
    }

    /// Begins the next group, or ends the whole.
    fn begin(&mut self, out: &mut Vec<u8>) {
        let Some((scope, keys)) = self.groups.next() else {
            put(out, &["]}"]);
            self.state = State::After;
            return;
        };
        if self.state == State::Within {
            put(out, &[","]);
        }
        self.state = State::Within;
        put(out, &["{"]);
        if let Some(resource) = &scope.resource {
            put(out, &["\"resource\":"]);
            json::write(&descriptor::RESOURCE, &resource.bytes(), out);
            put(out, &[","]);
        }
        put(out, &["\"", I::SCOPES, "\":[{"]);
        if let Some(encoded) = &scope.scope {
            put(out, &["\"scope\":"]);
            json::write(&descriptor::SCOPE, &encoded.bytes(), out);
            put(out, &[","]);
        }
        put(out, &["\"", I::ITEMS, "\":["]);
        self.open = Some((scope, keys.into_iter(), false));
    }

    /// Writes one more item of the group, or its end.
    fn go_on(
        &mut self,
        (scope, mut keys, mut has_item): (Arc<ResourceScope>, vec::IntoIter<I::Key>, bool),
        out: &mut Vec<u8>,
    ) {
        let Some(key) = keys.next() else {
            put(out, &["],\"schemaUrl\":", &quoted(&scope.scope_schema_url), "}]"]);
            put(out, &[",\"schemaUrl\":", &quoted(&scope.resource_schema_url), "}"]);
            return;
        };
        if let Some(item) = self.items.item(&self.store, &key) {
            if has_item {
                put(out, &[","]);
            }
            json::write(I::MESSAGE, &item, out);
            has_item = true;
        }
        self.open = Some((scope, keys, has_item));
    }
}

fn put(out: &mut Vec<u8>, texts: &[&str]) {
    for text in texts {
        out.extend_from_slice(text.as_bytes());
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
