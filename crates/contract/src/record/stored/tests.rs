//! Records of another version, and damaged ones.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{propagation::TraceParent, record::JobFailure, state::JobState};

const ID: &str = "019a0000-0000-7000-8000-000000000000";
const SPAN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const OTHER_SPAN: &str = "00-0af7651916cd43dd8448eb211c80319c-00000000000000aa-01";
/// Every object of the record below, as a JSON pointer.
const OBJECTS: [&str; 9] = [
    "",
    "/attempts",
    "/interruptions",
    "/times",
    "/owner",
    "/progress",
    "/failure",
    "/asked",
    "/asked/spec/operations/0",
];

fn id() -> JobId {
    ID.parse().unwrap()
}

/// A running job in its second attempt.
fn running() -> Value {
    json!({
        "id": ID, "version": 1, "name": "n", "kind": "add", "state": "running", "round": 1, "operations": 1,
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "attempts": {"ingester": 0, "processor": 1, "notifier": 0}, "attempts_max": 4,
        "interruptions": {"total": 0, "isolated": 0},
        "owner": {"round": 1, "attempt": 2, "run": 0, "worker": "w", "stream_seq": 7, "span": SPAN, "parent": SPAN,
            "started_at_ns": 5},
        "progress": {"operation": 0, "kind": "add", "part": 0.25, "span": SPAN, "started_at_ns": 5},
        "failure": {"reason": "work_failed", "detail": "it did"},
        "asked": {"spec": {"name": "n", "operations": [{"kind": "add", "inputs": [1.0, 2.0]}]}, "context": []},
        "times": {"accepted_ms": 1, "started_ms": 2},
    })
}

fn read(record: &Value) -> Result<JobRecord, Unreadable> {
    JobRecord::from_json(id(), &serde_json::to_vec(record).unwrap())
}

fn written(record: &JobRecord) -> Value {
    serde_json::from_slice(&record.to_json().unwrap()).unwrap()
}

/// One kind of write: its name, the change, and the objects that it replaces or removes.
type Write = (&'static str, fn(&mut JobRecord), &'static [&'static str]);

const WRITES: [Write; 9] = [
    ("renew", |record| record.progress.as_mut().unwrap().part = 0.5, &[]),
    ("announce", |record| record.progress.as_mut().unwrap().span = other_span(), &["/progress"]),
    (
        "claim",
        |record| {
            record.lease.as_mut().unwrap().span = other_span();
            record.lease.as_mut().unwrap().worker = "w2".into();
            record.interruptions.total = 1;
            record.progress = None;
        },
        &["/owner", "/progress"],
    ),
    (
        "settle: retry",
        |record| {
            record.attempts.processor = 2;
            record.times.retry_ms = Some(9);
            record.failure = Some(JobFailure::new("work_failed", "again"));
            record.move_to(JobState::Retrying).unwrap();
        },
        &["/owner", "/progress"],
    ),
    (
        "settle: done",
        |record| {
            record.move_to(JobState::Succeeded).unwrap();
            record.failure = None;
            record.times.finished_ms = Some(9);
        },
        &["/owner", "/progress", "/failure"],
    ),
    (
        "dead letter",
        |record| {
            record.move_to(JobState::Dead).unwrap();
            record.failure = Some(JobFailure::new("attempts_used_up", "it did"));
            record.dead_letter = Some(4);
        },
        &["/owner", "/progress", "/failure"],
    ),
    ("cancel", |record| record.cancel_requested = true, &[]),
    ("completion published", |record| record.completion_published = true, &[]),
    (
        "start again",
        |record| {
            record.move_to(JobState::Failed).unwrap();
            record.start_again(11).unwrap();
        },
        &["/owner", "/progress", "/failure"],
    ),
];

fn other_span() -> TraceParent {
    OTHER_SPAN.parse().unwrap()
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e9..1e9_f64).prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map("[a-z]{1,4}", inner, 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// `record` with the field `newer` in the objects that `chosen` names.
fn extended(mut record: Value, chosen: &[(usize, Value)]) -> Value {
    for (object, value) in chosen {
        let object = record.pointer_mut(OBJECTS[*object]).unwrap();
        object["newer"] = value.clone();
    }
    record
}

proptest! {
    #[test]
    fn unknown_fields_survive_every_kind_of_write_and_go_with_what_they_describe(
        chosen in proptest::collection::vec((0..OBJECTS.len(), any_value()), 1..4),
        order in proptest::collection::vec(0..WRITES.len(), 1..2),
    ) {
        let stored = extended(running(), &chosen);
        let mut record = read(&stored).unwrap();
        for write in order {
            let (name, change, replaced) = WRITES[write];
            change(&mut record);
            let next = written(&record);
            for object in OBJECTS {
                let before = stored.pointer(object).and_then(|object| object.get("newer"));
                let after = next.pointer(object).and_then(|object| object.get("newer"));
                let is_replaced = replaced.contains(&object);
                prop_assert_eq!(after, before.filter(|_| !is_replaced), "{} after {}", object, name);
            }
            prop_assert_eq!(&read(&next).unwrap(), &record, "known fields are read as written");
        }
    }

    #[test]
    fn unknown_fields_survive_writes_by_several_older_services_in_turn(
        value in any_value(), writes in proptest::collection::vec(0..3_usize, 1..6),
    ) {
        let kept = [0, 1, 2, 3];
        let mut stored = extended(running(), &kept.map(|object| (object, value.clone())));
        for write in writes {
            let mut record = read(&stored).unwrap();
            [WRITES[0].1, WRITES[6].1, WRITES[7].1][write](&mut record);
            stored = written(&record);
        }
        for object in kept {
            prop_assert_eq!(&stored.pointer(OBJECTS[object]).unwrap()["newer"], &value);
        }
    }

    #[test]
    fn no_bytes_are_read_as_a_record_unless_they_are_one(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(matches!(JobRecord::from_json(id(), &bytes), Err(Unreadable::Damaged(_))));
    }
}

#[test]
fn unknown_values_are_kept_until_they_are_replaced() {
    let mut stored = running();
    stored["kind"] = json!("fly");
    stored["asked"]["spec"]["operations"][0] = json!({"kind": "fly", "height": 1});
    stored["results"] = json!([{"operation": {"kind": "fly", "height": 1}, "value": 3}]);
    stored["progress"]["kind"] = json!("fly");
    let mut record = read(&stored).unwrap();
    assert_eq!(
        (record.kind.name(), &record.inline_spec, record.progress),
        ("unknown", &None, None)
    );
    record.cancel_requested = true;
    stored["cancel_requested"] = json!(true);
    assert_eq!(written(&record), stored);
}

#[test]
fn a_record_of_this_version_is_written_as_it_is_and_an_older_one_gets_the_version() {
    let record = read(&running()).unwrap();
    let json = serde_json::to_vec(&record).unwrap();
    let again = JobRecord::from_json(id(), &json).unwrap();
    assert!(again.unknown.is_empty(), "only the typed record is kept and written");
    assert_eq!(again.to_json().unwrap(), json);
    let mut older = running();
    older.as_object_mut().unwrap().remove("version");
    let mut older = read(&older).unwrap();
    assert_eq!(older, record);
    older.cancel_requested = true;
    assert_eq!(written(&older)["version"], json!(RECORD_VERSION));
}

#[test]
fn a_record_that_no_version_can_read_is_damaged_and_says_why() {
    let mut other = running();
    other["id"] = json!("019a0000-0000-7000-8000-000000000001");
    let mut state = running();
    state["state"] = json!("flying");
    let mut large = running();
    large["newer"] = json!("x".repeat(RECORD_BYTES_MAX));
    let text = |value: &Value| serde_json::to_vec(value).unwrap();
    for (bytes, word) in [
        (b"not json".to_vec(), "expected"),
        (Vec::new(), "EOF"),
        (b"{}".to_vec(), "missing field"),
        (b"[]".to_vec(), "invalid"),
        (b"\xff\xfe".to_vec(), "expected"),
        (text(&other), "that of job 019a0000-0000-7000-8000-000000000001"),
        (text(&state), "flying"),
        (text(&large), "more than 3584"),
        (text(&running())[..200].to_vec(), "EOF"),
    ] {
        let Err(Unreadable::Damaged(why)) = JobRecord::from_json(id(), &bytes) else {
            panic!("{:?}", String::from_utf8_lossy(&bytes));
        };
        assert!(why.contains(word), "{why}");
    }
}

#[test]
fn a_record_of_a_newer_incompatible_version_is_not_damaged() {
    let mut newer = running();
    newer["version"] = json!(RECORD_VERSION + 1);
    let mut reshaped = json!({"version": RECORD_VERSION + 8, "where": {"state": "flying"}});
    let mut large = newer.clone();
    large["newer"] = json!("x".repeat(RECORD_BYTES_MAX));
    for (record, version) in [
        (&newer, RECORD_VERSION + 1),
        (&reshaped, RECORD_VERSION + 8),
        (&large, RECORD_VERSION + 1),
    ] {
        assert_eq!(read(record), Err(Unreadable::Newer(version)));
    }
    reshaped["version"] = json!("two");
    assert!(matches!(read(&reshaped), Err(Unreadable::Damaged(_))));
}

/// Prints the cost of unknown fields: `cargo test --release -p contract -- --ignored --nocapture cost`.
#[test]
#[ignore = "a measurement, not a check"]
fn the_cost_of_reading_and_writing() {
    let plain = serde_json::to_vec(&read(&running()).unwrap()).unwrap();
    let extended =
        serde_json::to_vec(&extended(running(), &[(0, json!(1)), (4, json!(1))])).unwrap();
    let time = |what: &str, work: &dyn Fn()| {
        let started = std::time::Instant::now();
        (0..100_000).for_each(|_| work());
        println!("{what}: {:.2} µs", started.elapsed().as_secs_f64() * 10.0);
    };
    time("read, typed only", &|| drop(serde_json::from_slice::<JobRecord>(&plain).unwrap()));
    time("read", &|| drop(JobRecord::from_json(id(), &plain).unwrap()));
    time("read, with unknown fields", &|| drop(JobRecord::from_json(id(), &extended).unwrap()));
    let (own, other) = (
        JobRecord::from_json(id(), &plain).unwrap(),
        JobRecord::from_json(id(), &extended).unwrap(),
    );
    time("write", &|| drop(own.to_json().unwrap()));
    time("write, with unknown fields", &|| drop(other.to_json().unwrap()));
}
