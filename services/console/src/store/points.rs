//! The latest point of every series, and its history. When there is no room, the series that moved longest
//! ago leaves; histories make room before that.

use std::collections::{BTreeMap, HashMap};
use std::mem::size_of;
use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use otlp::{Message, MetricHead};

use super::attribute;
use super::budget::Budget;
use super::counts::{Counts, StoreStats};
use super::encoded::Encoded;
use super::groups::{Group, grouped};
use super::history::{Dot, History, Series};
use super::origin::Origin;
use super::point::{self, Point};

/// Memory of a kept point beyond its bytes: its entries in two tables that grow by doubling, the counters of its key,
/// the allocator's share, and its metric's head, which is seldom its alone.
const POINT_OVERHEAD: usize = 2 * (size_of::<Kept>() + 16) + 2 * 40 + size_of::<MetricHead>() + 128;

/// Series in one answer, points in their histories, and bytes of their latest points.
const SERIES_SHOWN_MAX: usize = 2_000;
const RUNS_SHOWN_MAX: usize = 60_000;
const BYTES_SHOWN_MAX: usize = 4 * 1024 * 1024;

/// The latest points.
#[derive(Debug)]
pub(crate) struct Points {
    limit: Budget,
    series: HashMap<Arc<[u8]>, Kept>,
    by_change: BTreeMap<u64, Arc<[u8]>>,
    next_place: u64,
    bytes: usize,
    counts: Counts,
}

#[derive(Debug)]
struct Kept {
    origin: Arc<Origin>,
    head: Arc<MetricHead>,
    kind: &'static Message,
    wire: Encoded,
    history: History,
    bytes: usize,
    changed: u64,
}

impl Points {
    pub(crate) fn new(limit: Budget) -> Self {
        Self {
            limit,
            series: HashMap::new(),
            by_change: BTreeMap::new(),
            next_place: 0,
            bytes: 0,
            counts: Counts::default(),
        }
    }

    /// Takes points that arrived at `now`, in milliseconds of the store.
    pub(crate) fn add(&mut self, batch: Vec<Point>, now: u64) {
        for point in batch {
            self.counts.received += 1;
            self.put(point, now);
            while self.limit.is_passed(self.series.len(), self.bytes) && self.evict() {}
        }
    }

    /// Counts points that were refused before they got here.
    pub(crate) fn refuse(&mut self, points: u64) {
        self.counts.received += points;
        self.counts.rejected += points;
    }

    /// The series of a service (or of all) whose metric's name has this text in it, in the order in which they last
    /// moved, by who sent them.
    pub(crate) fn latest(
        &self,
        service: Option<&str>,
        name: Option<&str>,
    ) -> Vec<Group<Arc<[u8]>>> {
        let kept = self.by_change.values().filter_map(|key| Some((key, self.series.get(key)?)));
        let wanted = kept
            .filter(|(_, kept)| service.is_none_or(|service| service == &*kept.origin.service))
            .filter(|(_, kept)| name.is_none_or(|part| kept.head.name.contains(part)));
        grouped(wanted.map(|(key, kept)| (Arc::clone(&kept.origin), Arc::clone(key))))
    }

    /// The latest point of a series as an encoded metric, if the series is still here.
    pub(crate) fn metric(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.series.get(key).map(|kept| kept.head.with_point(&kept.wire.bytes()))
    }

    /// Every series of the metric called `name`, with its history. Senders may leave out a counter's `_total`.
    pub(crate) fn series(&self, name: &str) -> Vec<Series> {
        let short = name.strip_suffix("_total");
        let is_wanted = |kept: &&Kept| *kept.head.name == *name || short == Some(&*kept.head.name);
        let (mut runs, mut bytes) = (0, 0);
        let fits = |kept: &&Kept| {
            runs += kept.history.runs().count();
            bytes += kept.wire.length();
            runs <= RUNS_SHOWN_MAX && bytes <= BYTES_SHOWN_MAX
        };
        let wanted = self.series.values().filter(is_wanted).take(SERIES_SHOWN_MAX);
        let mut found: Vec<_> = wanted.take_while(fits).map(Kept::series).collect();
        found.sort_by(|one, other| {
            (&one.service, &one.labels).cmp(&(&other.service, &other.labels))
        });
        found
    }

    /// Every exemplar of the histories that passes, those of the metric called `except` left out.
    pub(crate) fn dots(&self, except: &str, passes: impl Fn(&Dot) -> bool) -> Vec<Dot> {
        let kept = self.series.values().filter(|kept| *kept.head.name != *except);
        kept.flat_map(|kept| kept.history.dots()).filter(|dot| passes(dot)).copied().collect()
    }

    pub(crate) fn standing(&self) -> StoreStats {
        let counts = Counts { stored: self.series.len() as u64, ..self.counts };
        StoreStats { counts, bytes: self.bytes, limit: self.limit }
    }

    fn put(&mut self, point: Point, now: u64) {
        let Point { origin, head, kind, wire, key, sample } = point;
        let changed = self.next_place;
        self.next_place += 1;
        let mut history = History::default();
        if let Some(earlier) = self.series.remove(&key) {
            self.by_change.remove(&earlier.changed);
            self.bytes -= earlier.bytes;
            self.counts.replaced += 1;
            history = earlier.history;
        }
        history.add(now, sample);
        let own = wire.memory() + key.len() + head.bytes() + origin.bytes + POINT_OVERHEAD;
        // Histories take half of the memory at most: a latest value is worth more than an old one.
        if self.bytes + own + history.bytes() > self.limit.bytes / 2 {
            history.halve();
        }
        let bytes = own + history.bytes();
        self.bytes += bytes;
        self.by_change.insert(changed, Arc::clone(&key));
        self.series.insert(key, Kept { origin, head, kind, wire, history, bytes, changed });
    }

    fn evict(&mut self) -> bool {
        let Some((_, key)) = self.by_change.pop_first() else { return false };
        let kept = self.series.remove(&key).expect("every series in the order is in the table");
        self.bytes -= kept.bytes;
        self.counts.evicted += 1;
        true
    }
}

impl Kept {
    fn series(&self) -> Series {
        let pairs = point::attributes(self.kind, &self.wire.bytes());
        let label = |pair: &KeyValue| {
            let value = pair.value.as_ref().map(attribute::text).unwrap_or_default();
            (pair.key.clone(), value)
        };
        Series {
            service: self.origin.service.to_string(),
            instance: self.origin.instance.to_string(),
            name: self.head.name.to_string(),
            labels: pairs.iter().map(label).collect(),
            bounds: self.history.bounds(),
            runs: self.history.runs().cloned().collect(),
            dots: self.history.dots().copied().collect(),
        }
    }
}
