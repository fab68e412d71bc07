//! The spec that a client submits, and the job that goes through the stages.

use json_body::lenient_integer;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

use crate::{
    BodyError, JobId, JobSource, UnknownFields, operation::Operation, parse_json, state::Outcome,
    text::hidden_char,
};

/// Maximum number of operations in one job.
pub const OPERATIONS_MAX: usize = 100;
/// Longest name, in characters.
pub const NAME_CHARS_MAX: usize = 200;
/// Maximum number of attempts a spec may set.
pub const ATTEMPTS_MAX: u32 = 20;
/// Attempts of a job whose spec sets none.
pub const ATTEMPTS_DEFAULT: u32 = 4;
/// Longest deadline a spec may set, in seconds.
pub const DEADLINE_SECONDS_MAX: u32 = 86_400;
/// Deadline of a job whose spec sets none, in seconds: twice the longest wait operation.
pub const DEADLINE_SECONDS_DEFAULT: u32 = 7_200;
/// Longest webhook address, in bytes.
pub const WEBHOOK_URL_MAX: usize = 1_024;

/// A job spec: the body of `POST /v1/jobs` and the data of a raw event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobSpec {
    /// A name for people, up to 200 characters, without control and invisible format characters.
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u0600-\\u0605\\u061c\\u06dd\\u070f\\u0890-\\u0891\\u08e2\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2064\\u2066-\\u206f\\ufeff\\ufff9-\\ufffb\u{110bd}\u{110cd}\u{13430}-\u{1343f}\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0001}\u{e0020}-\u{e007f}]+$"
    )]
    pub name: String,
    /// The operations to run, in order; 1 to 100.
    #[schema(min_items = 1, max_items = 100)]
    pub operations: Vec<Operation>,
    /// How to notify the submitter when the job has ended. Without it the outcome is only logged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<Notify>,
    /// Deadline, in seconds from acceptance: a job that has not ended by then fails. At most a day.
    #[schema(minimum = 1, maximum = 86_400)]
    #[serde(
        default,
        deserialize_with = "lenient_integer::read_optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub deadline_seconds: Option<u32>,
    /// Maximum number of attempts before the job is dead-lettered, 1 to 20.
    #[schema(minimum = 1, maximum = 20)]
    #[serde(
        default,
        deserialize_with = "lenient_integer::read_optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub attempts_max: Option<u32>,
}

/// How the submitter is notified of a job's outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "channel", rename_all = "snake_case")]
pub enum Notify {
    /// A line in the notifier's log.
    Log,
    /// A signed HTTP request (Standard Webhooks).
    Webhook {
        /// Address of the webhook receiver: public, or on the lab's allow-list.
        #[schema(max_length = 1_024, format = "uri", pattern = "^https?://")]
        url: String,
        /// Outcomes to notify of; all if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        on: Option<Vec<Outcome>>,
    },
}

impl Notify {
    /// Whether the submitter wants a notification of this outcome.
    pub fn wants(&self, outcome: Outcome) -> bool {
        match self {
            Self::Log => true,
            Self::Webhook { on, .. } => on.as_ref().is_none_or(|on| on.contains(&outcome)),
        }
    }

    /// The channel's name in JSON and labels.
    pub const fn channel(&self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Webhook { .. } => "webhook",
        }
    }
}

impl JobSpec {
    /// Checks every limit. The error names the first field that is wrong.
    pub fn check(&self) -> Result<(), BodyError> {
        let chars = self.name.chars().count();
        if !(1..=NAME_CHARS_MAX).contains(&chars) {
            return Err(BodyError::new(
                "name",
                format!("must have 1 to {NAME_CHARS_MAX} characters, has {chars}"),
            ));
        }
        // Control characters would grow sixfold in the record and could rewrite a terminal line; format characters
        // could make the name look like another one.
        if let Some(hidden) = hidden_char(&self.name) {
            let code = u32::from(hidden);
            let problem =
                format!("must not contain control or format characters, has U+{code:04X}");
            return Err(BodyError::new("name", problem));
        }
        let count = self.operations.len();
        if !(1..=OPERATIONS_MAX).contains(&count) {
            return Err(BodyError::new(
                "operations",
                format!("must have 1 to {OPERATIONS_MAX} entries, has {count}"),
            ));
        }
        for (n, operation) in self.operations.iter().enumerate() {
            operation.check(&format!("operations[{n}]"))?;
        }
        within("deadline_seconds", self.deadline_seconds, DEADLINE_SECONDS_MAX)?;
        within("attempts_max", self.attempts_max, ATTEMPTS_MAX)?;
        if let Some(Notify::Webhook { url, .. }) = &self.notify
            && url.len() > WEBHOOK_URL_MAX
        {
            return Err(BodyError::new(
                "notify.url",
                format!("must be at most {WEBHOOK_URL_MAX} bytes"),
            ));
        }
        Ok(())
    }

    /// The deadline of a job that starts at `start_ms`; Unix milliseconds, broker time.
    pub fn deadline_from(&self, start_ms: i64) -> i64 {
        let seconds = self.deadline_seconds.unwrap_or(DEADLINE_SECONDS_DEFAULT);
        start_ms + i64::from(seconds) * 1_000
    }

    /// The kind of the job: that of its only operation, else `mixed`.
    pub fn kind(&self) -> JobKind {
        match self.operations.as_slice() {
            [only] => JobKind(only.kind().name()),
            _ => JobKind::MIXED,
        }
    }
}

fn within(field: &str, value: Option<u32>, max: u32) -> Result<(), BodyError> {
    match value {
        Some(value) if !(1..=max).contains(&value) => {
            Err(BodyError::new(field, format!("must be 1 to {max}, is {value}")))
        }
        _ => Ok(()),
    }
}

/// A job's kind in subjects and labels. Never a word from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct JobKind(&'static str);

impl JobKind {
    /// Several operations, of whatever kinds.
    pub const MIXED: Self = Self("mixed");
    /// A raw event that the ingester has not validated yet.
    pub const EVENT: Self = Self("event");
    /// A kind that this service does not know, perhaps of a newer version.
    pub const UNKNOWN: Self = Self("unknown");

    /// Every kind there is, the operations' first.
    pub fn all() -> impl Iterator<Item = Self> {
        let operations =
            crate::operation::OperationKind::ALL.into_iter().map(|kind| Self(kind.name()));
        operations.chain([Self::MIXED, Self::EVENT, Self::UNKNOWN])
    }

    /// The kind called `name`, or [`JobKind::UNKNOWN`].
    pub fn named(name: &str) -> Self {
        Self::all().find(|kind| kind.0 == name).unwrap_or(Self::UNKNOWN)
    }

    /// The kind as text.
    pub const fn name(self) -> &'static str {
        self.0
    }
}

impl Serialize for JobKind {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(self.0)
    }
}

impl PartialSchema for JobKind {
    fn schema() -> RefOr<Schema> {
        let names = Self::all().map(Self::name);
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).into()
    }
}

impl ToSchema for JobKind {}

impl<'de> Deserialize<'de> for JobKind {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        String::deserialize(input).map(|name| Self::named(&name))
    }
}

/// A job: the data of `submitted` and `todo` messages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The job's id.
    pub id: JobId,
    /// 0 at first; one more with each redrive or retry.
    #[serde(default)]
    pub round: u32,
    /// The client's spec, enriched by the ingester.
    #[serde(flatten)]
    pub spec: JobSpec,
    /// When it was accepted, by the gateway's displayed clock; Unix milliseconds.
    pub accepted_at_ms: i64,
    /// Who submitted it.
    #[serde(default, skip_serializing_if = "JobSource::is_client")]
    pub source: JobSource,
    /// The deadline in broker time, Unix milliseconds. Set by the ingester.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_at_ms: Option<i64>,
    /// Fields that this version does not know.
    #[serde(skip)]
    pub unknown: UnknownFields,
}

impl Job {
    /// Reads a job that a service has written. Unknown fields are kept for the services after this one.
    pub fn from_json(json: &[u8]) -> Result<Self, BodyError> {
        let mut job = parse_json::<Self>(json)?;
        job.unknown = UnknownFields::of(json, &job);
        Ok(job)
    }

    /// The job as JSON, unknown fields included.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        self.unknown.write(self)
    }

    /// The job for a new round, with a new deadline. `now_ms` is broker time.
    #[must_use]
    pub fn in_round(mut self, round: u32, now_ms: i64) -> Self {
        self.round = round;
        self.deadline_at_ms = Some(self.spec.deadline_from(now_ms));
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::completion::CompletionEvent;

    fn spec(json: &str) -> Result<JobSpec, BodyError> {
        crate::parse_json::<JobSpec>(json.as_bytes()).and_then(|spec| spec.check().map(|()| spec))
    }

    #[test]
    fn the_error_names_the_wrong_field() {
        let cases = [
            ("[]", "body"),
            ("{", "body"),
            (r#"{"operations":[]}"#, "body"),
            (r#"{"name":"","operations":[{"kind":"wait","seconds":0}]}"#, "name"),
            (r#"{"name":"a\u0007","operations":[{"kind":"wait","seconds":0}]}"#, "name"),
            (r#"{"name":"a","operations":[]}"#, "operations"),
            (r#"{"name":"a","operations":[{"kind":"fly"}]}"#, "operations[0].kind"),
            (
                r#"{"name":"a","operations":[{"kind":"add","inputs":[1,2]},{"kind":"add","inputs":[1]}]}"#,
                "operations[1].inputs",
            ),
            (
                r#"{"name":"a","operations":[{"kind":"wait","seconds":0}],"attempts_max":21}"#,
                "attempts_max",
            ),
            (
                r#"{"name":"a","operations":[{"kind":"wait","seconds":0}],"deadline_seconds":0}"#,
                "deadline_seconds",
            ),
        ];
        for (json, field) in cases {
            assert_eq!(spec(json).unwrap_err().field, field, "{json}");
        }
    }

    #[test]
    fn the_error_for_an_unknown_kind_lists_all_kinds() {
        let error = spec(r#"{"name":"a","operations":[{"kind":"fly"}]}"#).unwrap_err();
        for kind in crate::operation::OperationKind::ALL {
            assert!(error.problem.contains(kind.name()), "{error}");
        }
    }

    #[test]
    fn a_newer_message_with_unknown_fields_still_reads() {
        let json = r#"{"id":"019a0000-0000-7000-8000-000000000000","name":"a","operations":[{"kind":"wait","seconds":0,"new":1}],"accepted_at_ms":5,"newer":{}}"#;
        let job: Job = crate::parse_json(json.as_bytes()).unwrap();
        assert_eq!((job.round, job.spec.kind().name()), (0, "wait"));
    }

    #[test]
    fn an_older_version_keeps_the_unknown_fields_of_a_job() {
        let mut stored = serde_json::json!({
            "id": "019a0000-0000-7000-8000-000000000000", "round": 0, "name": "a", "accepted_at_ms": 5, "newer": {"x": 1},
            "operations": [{"kind": "wait", "seconds": 0.0, "newer": [1]}, {"kind": "add", "inputs": [1.0, 2.0]}],
            "notify": {"channel": "webhook", "url": "https://x.example/", "newer": 1},
        });
        let mut job = Job::from_json(&serde_json::to_vec(&stored).unwrap()).unwrap();
        job.spec.attempts_max = Some(4);
        job = job.in_round(1, 1_000);
        stored["attempts_max"] = 4.into();
        stored["round"] = 1.into();
        stored["deadline_at_ms"] = 7_201_000.into();
        let written = job.to_json().unwrap();
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&written).unwrap(), stored);
        let done = CompletionEvent {
            job,
            outcome: Outcome::Failed,
            failure: None,
            finished_at_ms: 9,
            run: None,
        };
        let completion: serde_json::Value =
            serde_json::from_slice(&done.to_json().unwrap()).unwrap();
        for (name, value) in stored.as_object().unwrap() {
            assert_eq!(&completion[name], value, "{name}");
        }
        assert_eq!(
            (&completion["outcome"], &completion["finished_at_ms"]),
            (&"failed".into(), &9.into())
        );
    }

    #[test]
    fn a_kind_from_outside_never_becomes_a_token() {
        assert_eq!(JobKind::named("jobs.>"), JobKind::UNKNOWN);
    }

    proptest! {
        #[test]
        fn a_number_of_any_length_is_the_same_in_every_service(
            number in r"[1-9][0-9]{0,120}(\.[0-9]{1,40})?(e-?[0-9]{1,2})?",
        ) {
            let json = format!(
                r#"{{"name":"a","operations":[{{"kind":"add","inputs":[{number},-{number}]}}]}}"#
            );
            let accepted: JobSpec = parse_json(json.as_bytes()).unwrap();
            let Operation::Add(add) = &accepted.operations[0] else { unreachable!() };
            prop_assert_eq!(add.inputs[0].to_bits(), number.parse::<f64>().unwrap().to_bits());
            let sent_on = serde_json::to_vec(&accepted).unwrap();
            prop_assert_eq!(accepted, parse_json::<JobSpec>(&sent_on).unwrap());
        }
    }
}
