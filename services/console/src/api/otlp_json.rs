//! Streams telemetry in OTLP's JSON form: a trace or a metric may have more spans or series than should be in memory as
//! text, and a client may be slow. Items that are evicted meanwhile are omitted.

use std::convert::Infallible;
use std::sync::Arc;
use std::vec;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use otlp::{Message, descriptor, json};

use crate::blocking_pool::BlockingPool;
use crate::state::ConsoleState;
use crate::store::{Group, ResourceScope, SpanId, Store, TraceId};

/// A chunk of the body is sent when it has this many bytes.
const CHUNK_BYTES: usize = 64 * 1024;

/// Items of one signal, and the names of OTLP's envelope for them.
pub(super) trait StreamedItems: Send + Sync + 'static {
    type ItemKey: Send + 'static;
    const SENDERS: &str;
    const SCOPES: &str;
    const ITEMS: &str;
    const MESSAGE: &Message;

    /// The encoded item; `None` if it was evicted.
    fn item(&self, store: &Store, key: &Self::ItemKey) -> Option<Vec<u8>>;
}

/// The spans of a trace.
pub(super) struct TraceSpans(pub(super) TraceId);

/// The latest points of series.
pub(super) struct LatestPoints;

impl StreamedItems for TraceSpans {
    type ItemKey = SpanId;
    const SENDERS: &str = "resourceSpans";
    const SCOPES: &str = "scopeSpans";
    const ITEMS: &str = "spans";
    const MESSAGE: &Message = &descriptor::SPAN;

    fn item(&self, store: &Store, key: &SpanId) -> Option<Vec<u8>> {
        Some(store.span(self.0, *key)?.bytes().into_owned())
    }
}

impl StreamedItems for LatestPoints {
    type ItemKey = Arc<[u8]>;
    const SENDERS: &str = "resourceMetrics";
    const SCOPES: &str = "scopeMetrics";
    const ITEMS: &str = "metrics";
    const MESSAGE: &Message = &descriptor::METRIC;

    fn item(&self, store: &Store, key: &Arc<[u8]>) -> Option<Vec<u8>> {
        store.metric(key)
    }
}

/// A response with these items.
pub(super) fn stream<I: StreamedItems>(
    state: &ConsoleState,
    items: I,
    groups: Vec<Group<I::ItemKey>>,
) -> Response {
    let writer = JsonWriter {
        store: Arc::clone(&state.store),
        items,
        groups: groups.into_iter(),
        open: None,
        position: Position::Start,
    };
    let chunks = stream::unfold((writer, state.rendering.clone()), |(writer, pool)| async move {
        let (chunk, writer) = next(writer, &pool).await?;
        Some((Ok::<_, Infallible>(chunk), (writer, pool)))
    });
    ([(CONTENT_TYPE, "application/json")], Body::from_stream(chunks)).into_response()
}

async fn next<I: StreamedItems>(
    mut writer: JsonWriter<I>,
    pool: &BlockingPool,
) -> Option<(Bytes, JsonWriter<I>)> {
    if writer.position == Position::End {
        return None;
    }
    Some(pool.run(move || (writer.chunk().into(), writer)).await)
}

struct JsonWriter<I: StreamedItems> {
    store: Arc<Store>,
    items: I,
    groups: vec::IntoIter<Group<I::ItemKey>>,
    open: Option<OpenGroup<I::ItemKey>>,
    position: Position,
}

/// The group that is being written.
struct OpenGroup<K> {
    scope: Arc<ResourceScope>,
    keys: vec::IntoIter<K>,
    has_item: bool,
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum Position {
    Start,
    BeforeFirstGroup,
    AfterGroup,
    End,
}

impl<I: StreamedItems> JsonWriter<I> {
    fn chunk(&mut self) -> Vec<u8> {
        let mut out = Vec::with_capacity(CHUNK_BYTES);
        if self.position == Position::Start {
            put(&mut out, &["{\"", I::SENDERS, "\":["]);
            self.position = Position::BeforeFirstGroup;
        }
        while out.len() < CHUNK_BYTES && self.position != Position::End {
            match self.open.take() {
                Some(group) => self.write_item(group, &mut out),
                None => self.open_group(&mut out),
            }
        }
        out
    }

    /// Opens the next group, or ends the document.
    fn open_group(&mut self, out: &mut Vec<u8>) {
        let Some((scope, keys)) = self.groups.next() else {
            put(out, &["]}"]);
            self.position = Position::End;
            return;
        };
        if self.position == Position::AfterGroup {
            put(out, &[","]);
        }
        self.position = Position::AfterGroup;
        put(out, &["{"]);
        if let Some(encoded) = &scope.resource {
            put(out, &["\"resource\":"]);
            json::write(&descriptor::RESOURCE, &encoded.bytes(), out);
            put(out, &[","]);
        }
        put(out, &["\"", I::SCOPES, "\":[{"]);
        if let Some(encoded) = &scope.scope {
            put(out, &["\"scope\":"]);
            json::write(&descriptor::SCOPE, &encoded.bytes(), out);
            put(out, &[","]);
        }
        put(out, &["\"", I::ITEMS, "\":["]);
        self.open = Some(OpenGroup { scope, keys: keys.into_iter(), has_item: false });
    }

    /// Writes the next item of the group, or closes the group.
    fn write_item(&mut self, mut group: OpenGroup<I::ItemKey>, out: &mut Vec<u8>) {
        let Some(key) = group.keys.next() else {
            let ResourceScope { scope_schema_url, resource_schema_url, .. } = &*group.scope;
            put(out, &["],\"schemaUrl\":", &quoted(scope_schema_url), "}]"]);
            put(out, &[",\"schemaUrl\":", &quoted(resource_schema_url), "}"]);
            return;
        };
        if let Some(item) = self.items.item(&self.store, &key) {
            if group.has_item {
                put(out, &[","]);
            }
            json::write(I::MESSAGE, &item, out);
            group.has_item = true;
        }
        self.open = Some(group);
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
