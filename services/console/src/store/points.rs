//! The latest point of every series. When there is no room, the series that moved longest ago leaves.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use opentelemetry_proto::tonic::metrics::v1::Metric;
use prost::Message;

use super::budget::Budget;
use super::counts::{Counts, Standing};
use super::origin::Origin;
use super::point::Point;
use super::refused::{Refusals, Refused};

/// Memory of a kept point beyond its bytes, its key's included.
const POINT_OVERHEAD: usize = 192;

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

    /// Takes the points of one export.
    pub(crate) fn add(&mut self, batch: Vec<Point>, refusals: &mut Refusals) {
        for point in batch {
            self.counts.received += 1;
            if point.metric.len() > POINT_BYTES_MAX {
                self.counts.rejected += 1;
                refusals.add(Refused::TooLarge);
                continue;
            }
            self.put(point);
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

    pub(crate) fn standing(&self) -> Standing {
        let counts = Counts { stored: self.series.len() as u64, ..self.counts };
        Standing { counts, bytes: self.bytes, limit: self.limit }
    }

    fn put(&mut self, point: Point) {
        let Point { origin, metric, key } = point;
        let bytes = metric.len() + key.len() + origin.bytes + POINT_OVERHEAD;
        let changed = self.next_place;
        self.next_place += 1;
        self.bytes += bytes;
        self.by_change.insert(changed, Arc::clone(&key));
        let kept = Kept { origin, metric, bytes, changed };
        if let Some(earlier) = self.series.insert(key, kept) {
            self.by_change.remove(&earlier.changed);
            self.bytes -= earlier.bytes;
            self.counts.replaced += 1;
        }
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
    fn decode(&self) -> Metric {
        Metric::decode(&*self.metric).expect("encoded by ourselves")
    }
}
