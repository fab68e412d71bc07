//! Parses request bodies: a structured CloudEvent with a job in its data, and a job.
//!
//! An accepted body is serialized and parsed again to the same value; an error names a field.

#![no_main]

use contract::{
    BodyError, JobId,
    api::RawEvent,
    event::{self, EventHead},
    job::{Job, JobSpec},
    parse_json,
};
use libfuzzer_sys::fuzz_target;
use serde::{Serialize, de::DeserializeOwned};

fuzz_target!(|body: &[u8]| {
    if let Some(event) = survives::<RawEvent>(body) {
        envelope(&event);
        let data = serde_json::to_vec(&event.data).expect("what was read can be written");
        job(&data);
    }
    survives::<Job>(body);
    job(body);
});

/// Parses `body`; the value must survive serializing and parsing.
fn survives<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(
    body: &[u8],
) -> Option<T> {
    let value = match parse_json::<T>(body) {
        Ok(value) => value,
        Err(error) => {
            names_a_field(&error);
            return None;
        }
    };
    let written = serde_json::to_vec(&value).expect("what was read can be written");
    let again = parse_json::<T>(&written).expect("what was written is accepted again");
    assert_eq!(value, again);
    Some(value)
}

fn job(body: &[u8]) {
    let Some(spec) = survives::<JobSpec>(body) else { return };
    match spec.check() {
        Err(error) => names_a_field(&error),
        Ok(()) => {
            assert!(!spec.kind().name().is_empty());
            assert!(spec.deadline_from(0) > 0);
        }
    }
}

/// Converts the attributes to headers and back.
fn envelope(event: &RawEvent) {
    let read = EventHead::read(|name| match name {
        event::CE_SPECVERSION => Some(event.specversion.as_str()),
        event::CE_ID => Some(event.id.as_str()),
        event::CE_SOURCE => Some(event.source.as_str()),
        event::CE_TYPE => Some(event.kind.as_str()),
        event::CE_SUBJECT => event.subject.as_deref(),
        event::CE_TIME => event.time.as_deref(),
        _ => None,
    });
    let head = match read {
        Ok(head) => head,
        Err(error) => return assert!(error.to_string().contains("header "), "{error}"),
    };
    let headers = head.headers();
    assert!(headers.iter().all(|(_, value)| value.len() <= event::ATTRIBUTE_BYTES_MAX));
    let again = EventHead::read(|name| {
        headers.iter().find(|(own, _)| *own == name).map(|(_, value)| *value)
    });
    assert_eq!(again.as_ref(), Ok(&head));
    if let Some(job) = head.subject.as_deref().and_then(|subject| subject.parse::<JobId>().ok()) {
        assert_eq!(job.to_string().parse(), Ok(job));
    }
}

fn names_a_field(error: &BodyError) {
    assert!(!error.field.is_empty() && !error.problem.is_empty(), "{error:?}");
}
