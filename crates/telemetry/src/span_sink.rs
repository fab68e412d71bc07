//! Spans that are exported after the fact: lost attempts, queue waits, progress. Their times are exported as given: broker
//! times unchanged, times of this process from `Clock::stamp`.

use std::{borrow::Cow, time::SystemTime};

use contract::propagation::TraceParent;
use opentelemetry::{
    InstrumentationScope, KeyValue, SpanId,
    trace::{Event, Link, SpanKind, Status},
};
use opentelemetry_sdk::trace::{
    IdGenerator as _, RandomIdGenerator, SpanData, SpanEvents, SpanLinks,
};

use crate::{context, span_queue::SpanQueue};

/// Instrumentation scope of all spans of the lab.
pub(crate) const SCOPE: &str = "waybill";

/// Exports finished spans. Clones share the queue. Never blocks; spans beyond the queue's limit are dropped and counted.
#[derive(Debug, Clone)]
pub struct SpanSink {
    queue: Option<SpanQueue>,
}

impl SpanSink {
    pub(crate) const fn new(queue: Option<SpanQueue>) -> Self {
        Self { queue }
    }

    /// Exports the span with this process's resource. Unsampled spans are ignored. A span that ends before it starts is
    /// exported with length zero.
    pub fn export(&self, span: SpanData) {
        if let Some(queue) = &self.queue {
            queue.put(span);
        }
    }
}

/// Builds a finished span. Without times it starts and ends at the epoch: give both, or [`Self::at`].
#[derive(Debug, Clone)]
pub struct FinishedSpan(SpanData);

impl FinishedSpan {
    /// The span with the ids of `span`, for example one that another process started.
    pub fn new(name: impl Into<Cow<'static, str>>, kind: SpanKind, span: TraceParent) -> Self {
        let own = context::span_context(span);
        Self(SpanData {
            span_context: own,
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: kind,
            name: name.into(),
            start_time: SystemTime::UNIX_EPOCH,
            end_time: SystemTime::UNIX_EPOCH,
            attributes: Vec::new(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: InstrumentationScope::builder(SCOPE).build(),
        })
    }

    /// A new child of `parent`, sampled like it.
    pub fn child(name: impl Into<Cow<'static, str>>, kind: SpanKind, parent: TraceParent) -> Self {
        let span_id = u64::from_be_bytes(RandomIdGenerator::default().new_span_id().to_bytes());
        Self::new(name, kind, TraceParent { span_id, ..parent }).parent(parent)
    }

    /// Sets the parent, which must be in the same trace.
    #[must_use]
    pub fn parent(mut self, parent: TraceParent) -> Self {
        self.0.parent_span_id = SpanId::from(parent.span_id);
        self
    }

    /// Sets the times to export. An end before the start is replaced by the start.
    #[must_use]
    pub fn times(mut self, start: SystemTime, end: SystemTime) -> Self {
        (self.0.start_time, self.0.end_time) = (start, end);
        self
    }

    /// Sets both times to `time`.
    #[must_use]
    pub fn at(self, time: SystemTime) -> Self {
        self.times(time, time)
    }

    /// Adds an attribute, named as in `contract::signals::attr`.
    #[must_use]
    pub fn attribute(mut self, attribute: KeyValue) -> Self {
        self.0.attributes.push(attribute);
        self
    }

    /// Adds a link of the kind `what` (`attr::LINK_…`).
    #[must_use]
    pub fn link(mut self, to: TraceParent, what: &'static str) -> Self {
        let what = vec![KeyValue::new(contract::signals::attr::LINK, what)];
        let link = Link::new(context::span_context(to), what, 0);
        self.0.links.links.push(link);
        self
    }

    /// Adds an event.
    #[must_use]
    pub fn event(mut self, name: &'static str, time: SystemTime, about: Vec<KeyValue>) -> Self {
        self.0.events.events.push(Event::new(name, time, about, 0));
        self
    }

    /// Sets the status.
    #[must_use]
    pub fn status(mut self, status: Status) -> Self {
        self.0.status = status;
        self
    }

    /// The span's own context, for headers and links.
    pub fn span_ref(&self) -> Option<TraceParent> {
        context::span_ref(&self.0.span_context)
    }

    /// The span, ready for [`SpanSink::export`].
    pub fn build(self) -> SpanData {
        self.0
    }
}
