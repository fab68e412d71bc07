//! The spans, by trace. When the store is full, the trace without new spans for longest is evicted.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::ids::TraceId;
use super::limits::SignalLimit;
use super::rejection::{ItemRejection, ItemRejections};
use super::stats::{StoreCounts, StoreStats};
use super::stored_span::ArrivedSpan;
use super::stored_trace::{Added, StoredTrace};

/// All traces, with the orders and the index for eviction and search.
#[derive(Debug)]
pub(crate) struct SpanStore {
    limit: SignalLimit,
    traces: HashMap<TraceId, StoredTrace>,
    by_arrival: BTreeMap<u64, TraceId>,
    by_change: BTreeMap<u64, TraceId>,
    by_job: BTreeSet<(Box<str>, TraceId)>,
    next_position: u64,
    bytes: usize,
    counts: StoreCounts,
}

impl SpanStore {
    pub(crate) fn new(limit: SignalLimit) -> Self {
        Self {
            limit,
            traces: HashMap::new(),
            by_arrival: BTreeMap::new(),
            by_change: BTreeMap::new(),
            by_job: BTreeSet::new(),
            next_position: 0,
            bytes: 0,
            counts: StoreCounts::default(),
        }
    }

    /// Adds the spans of one batch. Each rejected span is added to `rejections`.
    pub(crate) fn add(&mut self, batch: Vec<ArrivedSpan>, rejections: &mut ItemRejections) {
        let batch_start = self.next_position;
        for arrived in batch {
            self.counts.received += 1;
            if let Err(rejection) = self.add_one(arrived, batch_start) {
                self.counts.rejected += 1;
                rejections.add(rejection);
            }
            while self.limit.is_exceeded(self.stored(), self.bytes) && self.evict() {}
        }
    }

    /// Counts spans that were rejected before they were added.
    pub(crate) fn count_rejected(&mut self, spans: u64) {
        self.counts.received += spans;
        self.counts.rejected += spans;
    }

    pub(crate) fn trace(&self, id: TraceId) -> Option<&StoredTrace> {
        self.traces.get(&id)
    }

    /// Number of traces.
    pub(crate) fn traces(&self) -> usize {
        self.traces.len()
    }

    /// Traces that arrived before this position, newest first, until they have `spans` spans together.
    pub(crate) fn before(
        &self,
        position: u64,
        spans: usize,
    ) -> impl Iterator<Item = (TraceId, &StoredTrace)> {
        let newest_first = self.by_arrival.range(..position).rev();
        let traces = newest_first.filter_map(|(_, id)| Some((*id, self.traces.get(id)?)));
        let mut seen = 0;
        traces.take_while(move |(_, trace)| {
            let has_room = seen < spans;
            seen += trace.spans.len();
            has_room
        })
    }

    /// The traces of a job, newest first.
    pub(crate) fn of_job(&self, job: &str) -> Vec<TraceId> {
        let (least, greatest) = TraceId::ENDS;
        let found = self.by_job.range((job.into(), least)..=(job.into(), greatest));
        let mut traces: Vec<_> = found.map(|(_, id)| *id).collect();
        traces.sort_by_cached_key(|id| Reverse(self.trace(*id).map(|trace| trace.arrived)));
        traces
    }

    pub(crate) fn stats(&self) -> StoreStats {
        let counts = StoreCounts { stored: self.stored() as u64, ..self.counts };
        StoreStats { counts, bytes: self.bytes, limit: self.limit }
    }

    fn stored(&self) -> usize {
        let removed = self.counts.evicted + self.counts.replaced + self.counts.rejected;
        usize::try_from(self.counts.received - removed).unwrap_or(usize::MAX)
    }

    fn add_one(&mut self, arrived: ArrivedSpan, batch_start: u64) -> Result<(), ItemRejection> {
        let ArrivedSpan { trace: id, id: span_id, job_id, span } = arrived;
        let position = self.next_position;
        let trace = self.traces.entry(id).or_insert_with(|| StoredTrace::new(position));
        let (bytes_before, is_new) = (trace.bytes, trace.spans.is_empty());
        let added = trace.add(span_id, span, &self.limit);
        if is_new {
            if added.is_err() {
                self.traces.remove(&id);
                return added.map(drop);
            }
            self.bytes += bytes_before;
            self.by_arrival.insert(position, id);
            self.by_change.insert(position, id);
            self.next_position += 1;
        } else if trace.changed < batch_start {
            // Once per batch is enough: the order is of traces, not of spans.
            self.by_change.remove(&std::mem::replace(&mut trace.changed, position));
            self.by_change.insert(position, id);
            self.next_position += 1;
        }
        let is_added = added.is_ok();
        if let Some(job) = job_id.filter(|job| is_added && trace.add_job(job)) {
            self.by_job.insert((job, id));
        }
        self.bytes = self.bytes + trace.bytes - bytes_before;
        self.counts.replaced += u64::from(added? == Added::Replaced);
        Ok(())
    }

    /// Removes the trace that changed longest ago; false if there is none.
    fn evict(&mut self) -> bool {
        let Some((_, id)) = self.by_change.pop_first() else { return false };
        let trace = self.traces.remove(&id).expect("every trace in an order is in the table");
        self.by_arrival.remove(&trace.arrived);
        self.bytes -= trace.bytes;
        self.counts.evicted += trace.spans.len() as u64;
        for job in trace.jobs {
            self.by_job.remove(&(job, id));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use contract::signals::attr::JOB_ID;
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
    use opentelemetry_proto::tonic::trace::v1::Span;
    use proptest::prelude::*;
    use prost::Message;

    use super::*;
    use crate::store::resource_scope::{ResourceHead, ResourceScopes};

    const LIMIT: SignalLimit = SignalLimit { items: 12, bytes: 20_000 };

    /// Trace, span, job, and length of the span's name.
    type Sent = (u8, u8, u8, usize);

    fn encoded((trace, id, job, length): Sent) -> Vec<u8> {
        let text = |text: String| Some(AnyValue { value: Some(Value::StringValue(text)) });
        let job = KeyValue { key: JOB_ID.into(), value: text(format!("j-{job}")), key_strindex: 0 };
        let span = Span {
            trace_id: vec![trace + 1; 16],
            span_id: vec![id + 1; 8],
            name: "x".repeat(length),
            attributes: vec![job],
            ..Default::default()
        };
        span.encode_to_vec()
    }

    fn add(spans: &mut SpanStore, batch: &[Sent]) {
        let envelope = [10, 2, 18, 0];
        let sender = otlp::Export::open(&envelope).unwrap().resources().next().unwrap();
        let scope_wire = sender.scopes().next().unwrap();
        let head = ResourceHead::read(sender).unwrap();
        let scope = ResourceScopes::default().of(&head, scope_wire).unwrap();
        let wires: Vec<_> = batch.iter().copied().map(encoded).collect();
        let arrived = wires.iter().map(|wire| ArrivedSpan::read(wire, &scope, &mut Vec::new()));
        let arrived = arrived.map(|read| read.unwrap()).collect();
        spans.add(arrived, &mut ItemRejections::default());
    }

    proptest! {
        #[test]
        fn orders_index_and_counts_agree_and_limits_hold_for_any_spans(
            batches in prop::collection::vec(
                prop::collection::vec((0..6_u8, 0..8_u8, 0..3_u8, 0..3_000_usize), 0..8),
                0..12,
            ),
        ) {
            let mut spans = SpanStore::new(LIMIT);
            for batch in &batches {
                add(&mut spans, batch);
                let stored: usize = spans.traces.values().map(|trace| trace.spans.len()).sum();
                let bytes: usize = spans.traces.values().map(|trace| trace.bytes).sum();
                let jobs: usize = spans.traces.values().map(|trace| trace.jobs.len()).sum();
                prop_assert!(!LIMIT.is_exceeded(stored, bytes));
                prop_assert_eq!((spans.stored(), spans.bytes, spans.by_job.len()), (stored, bytes, jobs));
                prop_assert_eq!(spans.by_arrival.len(), spans.traces.len());
                prop_assert_eq!(spans.by_change.len(), spans.traces.len());
                prop_assert!(spans.traces.values().all(|trace| !trace.spans.is_empty()));
            }
            let sent = batches.iter().map(Vec::len).sum::<usize>() as u64;
            prop_assert_eq!(spans.counts.received, sent);
        }
    }
}
