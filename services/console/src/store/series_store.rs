//! The latest point of every series, and its history. When the store is full, the series without new points for longest
//! is evicted; histories are shortened before that.

use std::collections::{BTreeMap, HashMap};
use std::mem::size_of;
use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use otlp::{Message, MetricHead};

use super::attribute;
use super::encoded::Encoded;
use super::grouping::{Group, grouped};
use super::history::{History, SeenExemplar, Series};
use super::limits::SignalLimit;
use super::point::{self, Point};
use super::resource_scope::ResourceScope;
use super::stats::{StoreCounts, StoreStats};

/// Memory of a point besides its bytes: its entries in two tables that grow by doubling, the reference counts of its key,
/// the allocator's share, and its metric's head, which it usually shares.
const POINT_OVERHEAD: usize =
    2 * (size_of::<KeptSeries>() + 16) + 2 * 40 + size_of::<MetricHead>() + 128;

/// Series that one read returns, runs in their histories, and bytes of their latest points.
const SERIES_READ_MAX: usize = 2_000;
const RUNS_READ_MAX: usize = 60_000;
const BYTES_READ_MAX: usize = 4 * 1024 * 1024;

#[derive(Debug)]
pub(crate) struct SeriesStore {
    limit: SignalLimit,
    series: HashMap<Arc<[u8]>, KeptSeries>,
    by_change: BTreeMap<u64, Arc<[u8]>>,
    next_position: u64,
    bytes: usize,
    counts: StoreCounts,
}

#[derive(Debug)]
struct KeptSeries {
    scope: Arc<ResourceScope>,
    head: Arc<MetricHead>,
    kind: &'static Message,
    wire: Encoded,
    history: History,
    bytes: usize,
    changed: u64,
}

impl SeriesStore {
    pub(crate) fn new(limit: SignalLimit) -> Self {
        Self {
            limit,
            series: HashMap::new(),
            by_change: BTreeMap::new(),
            next_position: 0,
            bytes: 0,
            counts: StoreCounts::default(),
        }
    }

    /// Adds points that arrived at `now`, in milliseconds of the store.
    pub(crate) fn add(&mut self, batch: Vec<Point>, now: u64) {
        for point in batch {
            self.counts.received += 1;
            self.put(point, now);
            while self.limit.is_exceeded(self.series.len(), self.bytes) && self.evict() {}
        }
    }

    /// Counts points that were rejected before they were added.
    pub(crate) fn count_rejected(&mut self, points: u64) {
        self.counts.received += points;
        self.counts.rejected += points;
    }

    /// The keys of the series of one service (or of all) whose metric name contains `name`, by resource and scope. Those
    /// that changed longest ago are first.
    pub(crate) fn latest(
        &self,
        service: Option<&str>,
        name: Option<&str>,
    ) -> Vec<Group<Arc<[u8]>>> {
        let kept = self.by_change.values().filter_map(|key| Some((key, self.series.get(key)?)));
        let wanted = kept
            .filter(|(_, kept)| service.is_none_or(|service| service == &*kept.scope.service))
            .filter(|(_, kept)| name.is_none_or(|part| kept.head.name.contains(part)));
        grouped(wanted.map(|(key, kept)| (Arc::clone(&kept.scope), Arc::clone(key))))
    }

    /// The latest point of a series as an encoded metric; `None` if the series was evicted.
    pub(crate) fn metric(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.series.get(key).map(|kept| kept.head.with_point(&kept.wire.bytes()))
    }

    /// Every series of the metric called `name`, with its history. A counter may lack the suffix `_total`.
    pub(crate) fn series(&self, name: &str) -> Vec<Series> {
        let short = name.strip_suffix("_total");
        let is_wanted =
            |kept: &&KeptSeries| *kept.head.name == *name || short == Some(&*kept.head.name);
        let (mut runs, mut bytes) = (0, 0);
        let fits = |kept: &&KeptSeries| {
            runs += kept.history.runs().count();
            bytes += kept.wire.length();
            runs <= RUNS_READ_MAX && bytes <= BYTES_READ_MAX
        };
        let wanted = self.series.values().filter(is_wanted).take(SERIES_READ_MAX);
        let mut found: Vec<_> = wanted.take_while(fits).map(KeptSeries::series).collect();
        found.sort_by(|one, other| {
            (&one.service, &one.labels).cmp(&(&other.service, &other.labels))
        });
        found
    }

    /// Every exemplar of the histories that matches, without those of the metric called `except`.
    pub(crate) fn exemplars(
        &self,
        except: &str,
        matches: impl Fn(&SeenExemplar) -> bool,
    ) -> Vec<SeenExemplar> {
        let kept = self.series.values().filter(|kept| *kept.head.name != *except);
        kept.flat_map(|kept| kept.history.exemplars())
            .filter(|seen| matches(seen))
            .copied()
            .collect()
    }

    pub(crate) fn stats(&self) -> StoreStats {
        let counts = StoreCounts { stored: self.series.len() as u64, ..self.counts };
        StoreStats { counts, bytes: self.bytes, limit: self.limit }
    }

    fn put(&mut self, point: Point, now: u64) {
        let Point { scope, head, kind, wire, key, decoded } = point;
        let changed = self.next_position;
        self.next_position += 1;
        let mut history = History::default();
        if let Some(earlier) = self.series.remove(&key) {
            self.by_change.remove(&earlier.changed);
            self.bytes -= earlier.bytes;
            self.counts.replaced += 1;
            history = earlier.history;
        }
        history.add(now, decoded);
        let own = wire.memory() + key.len() + head.bytes() + scope.bytes + POINT_OVERHEAD;
        // Histories take at most half of the memory: the latest value matters more than an old one.
        if self.bytes + own + history.bytes() > self.limit.bytes / 2 {
            history.halve();
        }
        let bytes = own + history.bytes();
        self.bytes += bytes;
        self.by_change.insert(changed, Arc::clone(&key));
        self.series.insert(key, KeptSeries { scope, head, kind, wire, history, bytes, changed });
    }

    fn evict(&mut self) -> bool {
        let Some((_, key)) = self.by_change.pop_first() else { return false };
        let kept = self.series.remove(&key).expect("every series in the order is in the table");
        self.bytes -= kept.bytes;
        self.counts.evicted += 1;
        true
    }
}

impl KeptSeries {
    fn series(&self) -> Series {
        let pairs = point::attributes(self.kind, &self.wire.bytes());
        let label = |pair: &KeyValue| {
            let value = pair.value.as_ref().map(attribute::text).unwrap_or_default();
            (pair.key.clone(), value)
        };
        Series {
            service: self.scope.service.to_string(),
            instance: self.scope.instance.to_string(),
            name: self.head.name.to_string(),
            labels: pairs.iter().map(label).collect(),
            bounds: self.history.bounds(),
            runs: self.history.runs().cloned().collect(),
            exemplars: self.history.exemplars().copied().collect(),
        }
    }
}
