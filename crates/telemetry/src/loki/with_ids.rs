//! Re-emits an event with the ids of its span as additional fields.
//!
//! `tracing` has no public way to add a field to an event, so this uses the one its macros use
//! (`FieldSet::value_set_all`), as other bridges do. Descriptions are made once for each place in the source.

use std::{
    collections::HashMap,
    fmt,
    sync::{LazyLock, OnceLock},
};

use parking_lot::RwLock;
use tracing::{
    Event, Metadata,
    callsite::{Callsite, Identifier},
    field::{Field, FieldSet, Value, Visit},
    metadata::Kind,
    subscriber::Interest,
};

use crate::stdout::current_ids;

const TRACE_ID: &str = "trace_id";
const SPAN_ID: &str = "span_id";

/// Calls `hear` with the event and the ids of the current span; with the event as it is outside of spans.
pub(super) fn tell(event: &Event<'_>, hear: impl FnOnce(&Event<'_>)) {
    let own = event.metadata().fields();
    let has_ids = own.field(TRACE_ID).is_some() || own.field(SPAN_ID).is_some();
    let Some((trace_id, span_id)) = current_ids().filter(|_| !has_ids) else {
        return hear(event);
    };
    let widened = widened(event.metadata());
    let mut values = Values(Vec::new());
    values.0.resize_with(own.len(), || None);
    event.record(&mut values);
    values.0.push(Some(Box::new(trace_id.to_string())));
    values.0.push(Some(Box::new(span_id.to_string())));
    let values: Vec<Option<&dyn Value>> = values.0.iter().map(Option::as_deref).collect();
    hear(&Event::new(widened, &widened.fields().value_set_all(&values)));
}

/// The descriptions made so far: as many as there are places in the source that log.
static WIDENED: LazyLock<RwLock<HashMap<Identifier, &'static Metadata<'static>>>> =
    LazyLock::new(RwLock::default);

fn widened(metadata: &'static Metadata<'static>) -> &'static Metadata<'static> {
    let known = WIDENED.read();
    if let Some(known) = known.get(&metadata.callsite()) {
        return known;
    }
    drop(known);
    let mut known = WIDENED.write();
    known.entry(metadata.callsite()).or_insert_with(|| describe(metadata))
}

fn describe(metadata: &'static Metadata<'static>) -> &'static Metadata<'static> {
    let names = metadata.fields().iter().map(|field| field.name());
    let names: Vec<&'static str> = names.chain([TRACE_ID, SPAN_ID]).collect();
    let place: &'static Place = Box::leak(Box::default());
    let fields = FieldSet::new(Vec::leak(names), Identifier(place));
    place.0.get_or_init(|| {
        Metadata::new(
            metadata.name(),
            metadata.target(),
            *metadata.level(),
            metadata.file(),
            metadata.line(),
            metadata.module_path(),
            fields,
            Kind::EVENT,
        )
    })
}

#[derive(Default)]
struct Place(OnceLock<Metadata<'static>>);

impl Callsite for Place {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        self.0.get().expect("described before it is used")
    }
}

/// An event's values by the place of their field.
struct Values(Vec<Option<Box<dyn Value>>>);

impl Values {
    fn put(&mut self, field: &Field, value: impl Value + 'static) {
        self.0[field.index()] = Some(Box::new(value));
    }
}

impl Visit for Values {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.to_owned());
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }
}
