//! Takes exports item by item. What is refused costs only itself; a few hundred at a time are stored in one go, so that
//! no export is in memory twice.

use std::sync::Arc;

use otlp::{Export, Flaw, MetricHead, MetricMessage, ResourceItems, ScopeItems};

use super::log_line::StoredLine;
use super::origin::{Origin, SenderHead};
use super::point::Point;
use super::refused::{ITEM_BYTES_MAX, ITEMS_MAX, Refusals, Refused};
use super::span::ArrivedSpan;
use super::{Store, lock};

/// Items and bytes that are stored in one go.
const BATCH_ITEMS: usize = 512;
const BATCH_BYTES: usize = 512 * 1024;

/// Why nothing of an export was taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotTaken {
    /// The envelope is not what the protocol allows.
    #[error("the body is not the OTLP message of this path: {0}")]
    Malformed(#[from] Flaw),
    /// None of the items is.
    #[error("no item of the export was accepted: {0}")]
    Nothing(Refused),
}

/// Items on their way into the store.
struct Batch<T> {
    items: Vec<T>,
    bytes: usize,
    taken: u64,
}

impl Store {
    pub(super) fn take_spans(&self, export: Export<'_>) -> Result<Refusals, NotTaken> {
        let (mut batch, mut refusals) = (Batch::new(), Refusals::default());
        let mut buffer = Vec::new();
        let add = |batch: &mut Batch<_>, refusals: &mut _| {
            lock(&self.spans).add(batch.drain(), refusals);
        };
        self.each(export, |item, origin| {
            let room = batch.counted().and_then(|()| check_size(item));
            match room.and_then(|()| ArrivedSpan::read(item, origin?, &mut buffer)) {
                Ok(span) => batch.push(span, item.len()),
                Err(refused) => refusals.add(refused),
            }
            if batch.is_full() {
                add(&mut batch, &mut refusals);
            }
        });
        let before = refusals.of_items(batch.taken)?;
        add(&mut batch, &mut refusals);
        lock(&self.spans).refuse(before);
        Ok(refusals)
    }

    pub(super) fn take_logs(&self, export: Export<'_>) -> Result<Refusals, NotTaken> {
        let (mut batch, mut refusals) = (Batch::new(), Refusals::default());
        let mut buffer = Vec::new();
        let add = |batch: &mut Batch<_>| lock(&self.logs).add(batch.drain());
        self.each(export, |item, origin| {
            let room = batch.counted().and_then(|()| check_size(item));
            match room.and_then(|()| StoredLine::read(item, origin?, &mut buffer)) {
                Ok(line) => batch.push(line, item.len()),
                Err(refused) => refusals.add(refused),
            }
            if batch.is_full() {
                add(&mut batch);
            }
        });
        let before = refusals.of_items(batch.taken)?;
        add(&mut batch);
        lock(&self.logs).refuse(before);
        Ok(refusals)
    }

    pub(super) fn take_points(&self, export: Export<'_>) -> Result<Refusals, NotTaken> {
        let (mut batch, mut refusals) = (Batch::new(), Refusals::default());
        let mut buffer = Vec::new();
        let add = |batch: &mut Batch<_>| lock(&self.points).add(batch.drain(), self.now());
        self.each(export, |item, origin| {
            let (metric, head) = match (MetricMessage::of(item), MetricHead::read(item), origin) {
                (Ok(metric), Ok(head), Ok(origin)) => (metric, (Arc::new(head), origin)),
                (Ok(metric), Err(flaw), _) => {
                    return refusals.add_many(Refused::Item(flaw), metric.count_at_least_one());
                }
                (Ok(metric), _, Err(refused)) => {
                    return refusals.add_many(refused, metric.count_at_least_one());
                }
                (Err(flaw), ..) => return refusals.add(Refused::Item(flaw)),
            };
            let Some((kind, points)) = metric.points() else { return };
            for point in points {
                let room = batch.counted();
                let read =
                    room.and_then(|()| Point::read(kind, point, &head.0, head.1, &mut buffer));
                match read {
                    Ok(read) => batch.push(read, point.len()),
                    Err(refused) => refusals.add(refused),
                }
                if batch.is_full() {
                    add(&mut batch);
                }
            }
        });
        let before = refusals.of_items(batch.taken)?;
        add(&mut batch);
        lock(&self.points).refuse(before);
        Ok(refusals)
    }

    /// Every item of the export with where it comes from.
    fn each<'a>(
        &self,
        export: Export<'a>,
        mut take: impl FnMut(&'a [u8], Result<&Arc<Origin>, Refused>),
    ) {
        for sender in export.resources() {
            let mut head = None;
            for scope in sender.scopes() {
                let mut origin = None;
                for item in scope.items() {
                    // Whoever sends no item needs no origin.
                    let origin =
                        origin.get_or_insert_with(|| self.origin(sender, &mut head, scope));
                    take(item, origin.as_ref().map_err(|refused| *refused));
                }
            }
        }
    }

    fn origin(
        &self,
        sender: ResourceItems<'_>,
        head: &mut Option<Result<SenderHead, Flaw>>,
        scope: ScopeItems<'_>,
    ) -> Result<Arc<Origin>, Refused> {
        let head = head.get_or_insert_with(|| SenderHead::read(sender));
        let head = head.as_ref().map_err(|flaw| Refused::Origin(*flaw))?;
        lock(&self.origins).of(head, scope)
    }
}

impl<T> Batch<T> {
    fn new() -> Self {
        Self { items: Vec::new(), bytes: 0, taken: 0 }
    }

    /// Whether the export may have one more.
    fn counted(&self) -> Result<(), Refused> {
        if self.taken < ITEMS_MAX { Ok(()) } else { Err(Refused::TooMany) }
    }

    fn push(&mut self, item: T, bytes: usize) {
        self.items.push(item);
        self.bytes += bytes;
        self.taken += 1;
    }

    fn is_full(&self) -> bool {
        self.items.len() >= BATCH_ITEMS || self.bytes >= BATCH_BYTES
    }

    fn drain(&mut self) -> Vec<T> {
        self.bytes = 0;
        std::mem::take(&mut self.items)
    }
}

impl Refusals {
    /// How many were refused before they came to the store; an error if there was nothing that can be read.
    fn of_items(&self, taken: u64) -> Result<u64, NotTaken> {
        match self.first() {
            Some(first) if taken == 0 && self.unreadable > 0 => Err(NotTaken::Nothing(first)),
            _ => Ok(self.count),
        }
    }
}

fn check_size(item: &[u8]) -> Result<(), Refused> {
    if item.len() > ITEM_BYTES_MAX { Err(Refused::TooLarge(ITEM_BYTES_MAX)) } else { Ok(()) }
}
