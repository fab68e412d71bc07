//! The spans, by trace. When the store is full, the trace that has been quiet for longest leaves.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::budget::Budget;
use super::counts::{Counts, StoreStats};
use super::ids::TraceId;
use super::refused::{Refusals, Refused};
use super::span::ArrivedSpan;
use super::trace::{Added, Trace};

/// All traces, with the orders and the index that eviction and searching need.
#[derive(Debug)]
pub(crate) struct Spans {
    limit: Budget,
    traces: HashMap<TraceId, Trace>,
    by_arrival: BTreeMap<u64, TraceId>,
    by_change: BTreeMap<u64, TraceId>,
    by_job: BTreeSet<(Box<str>, TraceId)>,
    next_place: u64,
    bytes: usize,
    counts: Counts,
}

impl Spans {
    pub(crate) fn new(limit: Budget) -> Self {
        Self {
            limit,
            traces: HashMap::new(),
            by_arrival: BTreeMap::new(),
            by_change: BTreeMap::new(),
            by_job: BTreeSet::new(),
            next_place: 0,
            bytes: 0,
            counts: Counts::default(),
        }
    }

    /// Takes what arrived in one export.
    pub(crate) fn add(&mut self, batch: Vec<ArrivedSpan>, refusals: &mut Refusals) {
        let batch_began = self.next_place;
        for arrived in batch {
            self.counts.received += 1;
            if let Err(refused) = self.add_one(arrived, batch_began) {
                self.counts.rejected += 1;
                refusals.add(refused);
            }
            while self.limit.is_passed(self.stored(), self.bytes) && self.evict() {}
        }
    }

    /// Counts spans that were refused before they got here.
    pub(crate) fn refuse(&mut self, spans: u64) {
        self.counts.received += spans;
        self.counts.rejected += spans;
    }

    /// The trace, if it is here.
    pub(crate) fn trace(&self, id: TraceId) -> Option<&Trace> {
        self.traces.get(&id)
    }

    /// How many traces are here.
    pub(crate) fn traces(&self) -> usize {
        self.traces.len()
    }

    /// Traces that arrived before this place, newest first, until they have `spans` spans together.
    pub(crate) fn before(
        &self,
        place: u64,
        spans: usize,
    ) -> impl Iterator<Item = (TraceId, &Trace)> {
        let newest_first = self.by_arrival.range(..place).rev();
        let traces = newest_first.filter_map(|(_, id)| Some((*id, self.traces.get(id)?)));
        let mut seen = 0;
        traces.take_while(move |(_, trace)| {
            let goes_on = seen < spans;
            seen += trace.spans.len();
            goes_on
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

    pub(crate) fn standing(&self) -> StoreStats {
        let counts = Counts { stored: self.stored() as u64, ..self.counts };
        StoreStats { counts, bytes: self.bytes, limit: self.limit }
    }

    fn stored(&self) -> usize {
        let gone = self.counts.evicted + self.counts.replaced + self.counts.rejected;
        usize::try_from(self.counts.received - gone).unwrap_or(usize::MAX)
    }

    fn add_one(&mut self, arrived: ArrivedSpan, batch_began: u64) -> Result<(), Refused> {
        let ArrivedSpan { trace: id, id: span_id, job, span } = arrived;
        let place = self.next_place;
        let trace = self.traces.entry(id).or_insert_with(|| Trace::new(place));
        let (bytes_before, is_new) = (trace.bytes, trace.spans.is_empty());
        let added = trace.add(span_id, span, &self.limit);
        if is_new {
            if added.is_err() {
                self.traces.remove(&id);
                return added.map(drop);
            }
            self.bytes += bytes_before;
            self.by_arrival.insert(place, id);
            self.by_change.insert(place, id);
            self.next_place += 1;
        } else if trace.changed < batch_began {
            // Once a batch is enough: the order is between traces, not between spans.
            self.by_change.remove(&std::mem::replace(&mut trace.changed, place));
            self.by_change.insert(place, id);
            self.next_place += 1;
        }
        let is_taken = added.is_ok();
        if let Some(job) = job.filter(|job| is_taken && trace.works_for(job)) {
            self.by_job.insert((job, id));
        }
        self.bytes = self.bytes + trace.bytes - bytes_before;
        self.counts.replaced += u64::from(added? == Added::Replaced);
        Ok(())
    }

    /// Lets the trace go that changed longest ago; false if there is none.
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
    use crate::store::origin::{Origins, SenderHead};

    const LIMIT: Budget = Budget { items: 12, bytes: 20_000 };

    /// Trace, span, job, and how much text it carries.
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

    fn add(spans: &mut Spans, batch: &[Sent]) {
        let envelope = [10, 2, 18, 0];
        let sender = otlp::Export::open(&envelope).unwrap().resources().next().unwrap();
        let scope = sender.scopes().next().unwrap();
        let head = SenderHead::read(sender).unwrap();
        let origin = Origins::default().of(&head, scope).unwrap();
        let wires: Vec<_> = batch.iter().copied().map(encoded).collect();
        let arrived = wires.iter().map(|wire| ArrivedSpan::read(wire, &origin, &mut Vec::new()));
        let arrived = arrived.map(|read| read.unwrap()).collect();
        spans.add(arrived, &mut Refusals::default());
    }

    proptest! {
        #[test]
        fn whatever_arrives_the_orders_the_index_and_the_counts_agree_and_the_limits_hold(
            batches in prop::collection::vec(
                prop::collection::vec((0..6_u8, 0..8_u8, 0..3_u8, 0..3_000_usize), 0..8),
                0..12,
            ),
        ) {
            let mut spans = Spans::new(LIMIT);
            for batch in &batches {
                add(&mut spans, batch);
                let kept: usize = spans.traces.values().map(|trace| trace.spans.len()).sum();
                let bytes: usize = spans.traces.values().map(|trace| trace.bytes).sum();
                let jobs: usize = spans.traces.values().map(|trace| trace.jobs.len()).sum();
                prop_assert!(!LIMIT.is_passed(kept, bytes));
                prop_assert_eq!((spans.stored(), spans.bytes, spans.by_job.len()), (kept, bytes, jobs));
                prop_assert_eq!(spans.by_arrival.len(), spans.traces.len());
                prop_assert_eq!(spans.by_change.len(), spans.traces.len());
                prop_assert!(spans.traces.values().all(|trace| !trace.spans.is_empty()));
            }
            let sent = batches.iter().map(Vec::len).sum::<usize>() as u64;
            prop_assert_eq!(spans.counts.received, sent);
        }
    }
}
