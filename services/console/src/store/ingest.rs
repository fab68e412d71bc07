//! Reads exports item by item. A rejected item costs only itself; items are stored a few hundred at a time, so that no
//! export is in memory twice.

use std::sync::Arc;

use otlp::{Export, Flaw, MetricHead, MetricMessage, ResourceItems, ScopeItems};
use parking_lot::Mutex;

use super::log_store::LogStore;
use super::point::Point;
use super::rejection::{ITEM_BYTES_MAX, ITEMS_MAX, ItemRejection, ItemRejections};
use super::resource_scope::{ResourceHead, ResourceScope, ResourceScopes};
use super::series_store::SeriesStore;
use super::span_store::SpanStore;
use super::stored_line::StoredLine;
use super::stored_span::ArrivedSpan;

/// Items and bytes that are stored at a time.
const BATCH_ITEMS: usize = 512;
const BATCH_BYTES: usize = 512 * 1024;

/// Why a whole export was rejected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportRejection {
    /// The envelope violates the protocol.
    #[error("the body is not the OTLP message of this path: {0}")]
    Malformed(#[from] Flaw),
    /// Every item violates the protocol; this is the first one's reason.
    #[error("no item of the export was accepted: {0}")]
    NoValidItem(ItemRejection),
}

/// Items on their way into the store.
struct Batch<T> {
    items: Vec<T>,
    bytes: usize,
    accepted: u64,
}

/// Stores the spans of an export.
pub(super) fn spans(
    export: Export<'_>,
    scopes: &Mutex<ResourceScopes>,
    store: &Mutex<SpanStore>,
) -> Result<ItemRejections, ExportRejection> {
    let add = |batch, rejections: &mut _| store.lock().add(batch, rejections);
    let (rejections, before) = items(export, scopes, ArrivedSpan::read, add)?;
    store.lock().count_rejected(before);
    Ok(rejections)
}

/// Stores the log records of an export.
pub(super) fn log_records(
    export: Export<'_>,
    scopes: &Mutex<ResourceScopes>,
    store: &Mutex<LogStore>,
) -> Result<ItemRejections, ExportRejection> {
    let add = |batch, _: &mut _| store.lock().add(batch);
    let (rejections, before) = items(export, scopes, StoredLine::read, add)?;
    store.lock().count_rejected(before);
    Ok(rejections)
}

/// Stores the data points of an export; `now` is the store's time in milliseconds.
pub(super) fn points(
    export: Export<'_>,
    scopes: &Mutex<ResourceScopes>,
    store: &Mutex<SeriesStore>,
    now: impl Fn() -> u64,
) -> Result<ItemRejections, ExportRejection> {
    let (mut batch, mut rejections) = (Batch::new(), ItemRejections::default());
    let mut buffer = Vec::new();
    let add = |batch: &mut Batch<_>| store.lock().add(batch.drain(), now());
    for_each_item(export, scopes, |item, scope| {
        let (metric, head) = match (MetricMessage::of(item), MetricHead::read(item), scope) {
            (Ok(metric), Ok(head), Ok(scope)) => (metric, (Arc::new(head), scope)),
            (Ok(metric), Err(flaw), _) => {
                return rejections.add_many(ItemRejection::Item(flaw), metric.count_at_least_one());
            }
            (Ok(metric), _, Err(rejection)) => {
                return rejections.add_many(rejection, metric.count_at_least_one());
            }
            (Err(flaw), ..) => return rejections.add(ItemRejection::Item(flaw)),
        };
        let Some((kind, points)) = metric.points() else { return };
        for point in points {
            let room = batch.check_count();
            let read = room.and_then(|()| Point::read(kind, point, &head.0, head.1, &mut buffer));
            match read {
                Ok(read) => batch.push(read, point.len()),
                Err(rejection) => rejections.add(rejection),
            }
            if batch.is_full() {
                add(&mut batch);
            }
        }
    });
    let before = rejections.of_items(batch.accepted)?;
    add(&mut batch);
    store.lock().count_rejected(before);
    Ok(rejections)
}

/// Reads every item with `read` and hands batches to `add`. Returns all rejections, and how many of them were made before
/// an item reached `add`.
fn items<T>(
    export: Export<'_>,
    scopes: &Mutex<ResourceScopes>,
    read: impl Fn(&[u8], &Arc<ResourceScope>, &mut Vec<u8>) -> Result<T, ItemRejection>,
    add: impl Fn(Vec<T>, &mut ItemRejections),
) -> Result<(ItemRejections, u64), ExportRejection> {
    let (mut batch, mut buffer) = (Batch::new(), Vec::new());
    // Counted apart: those of `add` are in the counts of the store already.
    let (mut rejections, mut later) = (ItemRejections::default(), ItemRejections::default());
    for_each_item(export, scopes, |item, scope| {
        let room = batch.check_count().and_then(|()| check_size(item));
        match room.and_then(|()| read(item, scope?, &mut buffer)) {
            Ok(read) => batch.push(read, item.len()),
            Err(rejection) => rejections.add(rejection),
        }
        if batch.is_full() {
            add(batch.drain(), &mut later);
        }
    });
    let before = rejections.of_items(batch.accepted)?;
    add(batch.drain(), &mut later);
    rejections.merge(later);
    Ok((rejections, before))
}

/// Calls `take` with every item of the export and its resource and scope.
fn for_each_item<'a>(
    export: Export<'a>,
    scopes: &Mutex<ResourceScopes>,
    mut take: impl FnMut(&'a [u8], Result<&Arc<ResourceScope>, ItemRejection>),
) {
    for resource in export.resources() {
        let mut head = None;
        for scope in resource.scopes() {
            let mut shared = None;
            for item in scope.items() {
                // Read with the first item: an empty scope is not kept.
                let shared = shared
                    .get_or_insert_with(|| resource_scope(scopes, resource, &mut head, scope));
                take(item, shared.as_ref().map_err(|rejection| *rejection));
            }
        }
    }
}

fn resource_scope(
    scopes: &Mutex<ResourceScopes>,
    resource: ResourceItems<'_>,
    head: &mut Option<Result<ResourceHead, Flaw>>,
    scope: ScopeItems<'_>,
) -> Result<Arc<ResourceScope>, ItemRejection> {
    let head = head.get_or_insert_with(|| ResourceHead::read(resource));
    let head = head.as_ref().map_err(|flaw| ItemRejection::ResourceScope(*flaw))?;
    scopes.lock().of(head, scope)
}

impl<T> Batch<T> {
    fn new() -> Self {
        Self { items: Vec::new(), bytes: 0, accepted: 0 }
    }

    /// Whether the export may have one more item.
    fn check_count(&self) -> Result<(), ItemRejection> {
        if self.accepted < ITEMS_MAX { Ok(()) } else { Err(ItemRejection::TooMany) }
    }

    fn push(&mut self, item: T, bytes: usize) {
        self.items.push(item);
        self.bytes += bytes;
        self.accepted += 1;
    }

    fn is_full(&self) -> bool {
        self.items.len() >= BATCH_ITEMS || self.bytes >= BATCH_BYTES
    }

    fn drain(&mut self) -> Vec<T> {
        self.bytes = 0;
        std::mem::take(&mut self.items)
    }
}

impl ItemRejections {
    /// How many there are so far; an error if nothing was accepted and some items violate the protocol.
    fn of_items(&self, accepted: u64) -> Result<u64, ExportRejection> {
        match self.first() {
            Some(first) if accepted == 0 && self.malformed > 0 => {
                Err(ExportRejection::NoValidItem(first))
            }
            _ => Ok(self.count),
        }
    }
}

fn check_size(item: &[u8]) -> Result<(), ItemRejection> {
    if item.len() > ITEM_BYTES_MAX { Err(ItemRejection::TooLarge(ITEM_BYTES_MAX)) } else { Ok(()) }
}
