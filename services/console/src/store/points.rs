//! The latest point of every series, and its history. When there is no room, the series that moved longest
//! ago leaves; histories make room before that.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use prost::Message;

use super::attribute;
use super::budget::Budget;
use super::counts::{Counts, Standing};
use super::history::{Dot, History, Series};
use super::origin::Origin;
use super::point::{self, Point};
use super::refused::{Refusals, Refused};

/// Memory of a kept point beyond its bytes, its key's included.
const POINT_OVERHEAD: usize = 288;

/// Largest point, encoded; histograms with a thousand buckets and their exemplars fit.
const POINT_BYTES_MAX: usize = 64 * 1024;

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
    metric: Box<[u8]>,
    name: Box<str>,
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

    /// Takes the points of one export, which arrived at `now`, in milliseconds of the store.
    pub(crate) fn add(&mut self, batch: Vec<Point>, now: u64, refusals: &mut Refusals) {
        for point in batch {
            self.counts.received += 1;
            if point.metric.len() > POINT_BYTES_MAX {
                self.counts.rejected += 1;
                refusals.add(Refused::TooLarge);
                continue;
            }
            self.put(point, now);
            while self.limit.is_passed(self.series.len(), self.bytes) && self.evict() {}
        }
    }

    /// The latest points of a service (or of all) whose metric's name has this text in it, in the order in
    /// which they last moved.
    pub(crate) fn latest(
        &self,
        service: Option<&str>,
        name: Option<&str>,
    ) -> Vec<(Arc<Origin>, Metric)> {
        let kept = self.by_change.values().filter_map(|key| self.series.get(key));
        kept.filter(|kept| service.is_none_or(|service| service == &*kept.origin.service))
            .map(|kept| (Arc::clone(&kept.origin), kept.decode()))
            .filter(|(_, metric)| name.is_none_or(|part| metric.name.contains(part)))
            .collect()
    }

    /// Every series of the metric called `name`, with its history. Senders may leave out a counter's `_total`.
    pub(crate) fn series(&self, name: &str) -> Vec<Series> {
        let short = name.strip_suffix("_total");
        let is_wanted = |kept: &&Kept| *kept.name == *name || short == Some(&*kept.name);
        let mut found: Vec<_> = self.series.values().filter(is_wanted).map(Kept::series).collect();
        found.sort_by(|one, other| {
            let key = |series: &Series| (series.service.clone(), series.labels.clone());
            key(one).cmp(&key(other))
        });
        found
    }

    /// Every exemplar of the histories that passes, those of the metric called `except` left out.
    pub(crate) fn dots(&self, except: &str, passes: impl Fn(&Dot) -> bool) -> Vec<Dot> {
        let kept = self.series.values().filter(|kept| *kept.name != *except);
        kept.flat_map(|kept| kept.history.dots()).filter(|dot| passes(dot)).copied().collect()
    }

    pub(crate) fn standing(&self) -> Standing {
        let counts = Counts { stored: self.series.len() as u64, ..self.counts };
        Standing { counts, bytes: self.bytes, limit: self.limit }
    }

    fn put(&mut self, point: Point, now: u64) {
        let Point { origin, metric, key, name, sample } = point;
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
        let own = metric.len() + key.len() + name.len() + origin.bytes + POINT_OVERHEAD;
        // Histories take half of the memory at most: a latest value is worth more than an old one.
        if self.bytes + own + history.bytes() > self.limit.bytes / 2 {
            history.halve();
        }
        let bytes = own + history.bytes();
        self.bytes += bytes;
        self.by_change.insert(changed, Arc::clone(&key));
        self.series.insert(key, Kept { origin, metric, name, history, bytes, changed });
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
        let pairs = point::attributes(&self.decode());
        let label = |pair: &KeyValue| {
            let value = pair.value.as_ref().map(attribute::text).unwrap_or_default();
            (pair.key.clone(), value)
        };
        Series {
            service: self.origin.service.to_string(),
            instance: self.origin.instance.to_string(),
            name: self.name.to_string(),
            labels: pairs.iter().map(label).collect(),
            bounds: self.history.bounds(),
            runs: self.history.runs().cloned().collect(),
            dots: self.history.dots().copied().collect(),
        }
    }

    fn decode(&self) -> Metric {
        Metric::decode(&*self.metric).expect("encoded by ourselves")
    }
}
