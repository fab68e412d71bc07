//! Re-emits an event with the ids of its span as additional fields.
//!
//! `tracing` has no public way to add a field to an event, so this uses the one its macros use
//! (`FieldSet::value_set_all`), as other bridges do. The extended metadata is created once per callsite.

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

/// Calls `emit_event` with the event plus the ids of the current span; outside of spans, with the event itself.
pub(super) fn emit(event: &Event<'_>, emit_event: impl FnOnce(&Event<'_>)) {
    let own = event.metadata().fields();
    let has_ids = own.field(TRACE_ID).is_some() || own.field(SPAN_ID).is_some();
    let Some((trace_id, span_id)) = current_ids().filter(|_| !has_ids) else {
        return emit_event(event);
    };
    let extended = extended_metadata(event.metadata());
    let mut values = Values(Vec::new());
    values.0.resize_with(own.len(), || None);
    event.record(&mut values);
    values.0.push(Some(Box::new(trace_id.to_string())));
    values.0.push(Some(Box::new(span_id.to_string())));
    let values: Vec<Option<&dyn Value>> = values.0.iter().map(Option::as_deref).collect();
    emit_event(&Event::new(extended, &extended.fields().value_set_all(&values)));
}

/// The extended metadata by callsite, bounded by the number of callsites in the program.
static EXTENDED: LazyLock<RwLock<HashMap<Identifier, &'static Metadata<'static>>>> =
    LazyLock::new(RwLock::default);

fn extended_metadata(metadata: &'static Metadata<'static>) -> &'static Metadata<'static> {
    let known = EXTENDED.read();
    if let Some(known) = known.get(&metadata.callsite()) {
        return known;
    }
    drop(known);
    let mut known = EXTENDED.write();
    known.entry(metadata.callsite()).or_insert_with(|| with_id_fields(metadata))
}

fn with_id_fields(metadata: &'static Metadata<'static>) -> &'static Metadata<'static> {
    let names = metadata.fields().iter().map(|field| field.name());
    let names: Vec<&'static str> = names.chain([TRACE_ID, SPAN_ID]).collect();
    let callsite: &'static ExtendedCallsite = Box::leak(Box::default());
    let fields = FieldSet::new(Vec::leak(names), Identifier(callsite));
    callsite.0.get_or_init(|| {
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
struct ExtendedCallsite(OnceLock<Metadata<'static>>);

impl Callsite for ExtendedCallsite {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        self.0.get().expect("set before it is used")
    }
}

/// The values of an event by field index.
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
