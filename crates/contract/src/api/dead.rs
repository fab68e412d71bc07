//! Dead letters as a client sees them, and what comes of driving them again.

use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

use crate::{JobId, Stage, lenient_integer, signals::reason::DEAD_LETTERS};

/// Dead letters that one call drives again if it asks for no number.
pub const REDRIVE_LIMIT_DEFAULT: u32 = 50;
/// Most dead letters that one call drives again.
pub const REDRIVE_LIMIT_MAX: u32 = 500;

/// A dead letter as a client sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeadLetterView {
    /// Its place in the dead-letter stream.
    pub seq: u64,
    /// The stage that gave up.
    pub stage: String,
    /// Why, as one of a fixed set of words.
    pub reason: String,
    /// Why, for people.
    pub detail: String,
    /// The job, if the message had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    /// Attempts used up.
    pub attempts: u32,
    /// When, RFC 3339, broker time.
    pub dead_at: String,
    /// The trace, as 32 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Size of the original data, in bytes.
    pub bytes: usize,
}

/// A page of dead letters, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeadLetterList {
    /// The dead letters.
    pub dead_letters: Vec<DeadLetterView>,
    /// Give it back as `cursor` for the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A dead letter with all that is in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeadLetterDetail {
    /// What the list shows of it.
    #[serde(flatten)]
    pub letter: DeadLetterView,
    /// The subject that the message came from.
    pub subject: String,
    /// The message's own headers, as they were.
    pub headers: Vec<Header>,
    /// The original data in base64.
    pub body_base64: String,
    /// The original data as text, where it is UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_text: Option<String>,
}

/// One header of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value, as somebody sent it.
    pub value: String,
}

/// Answer to a redrive: the message is on its way again, and its dead letter is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Redriven {
    /// Where the dead letter was.
    pub seq: u64,
    /// The stage that has the message again.
    pub stage: Stage,
    /// The job, if the message has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    /// The round that the job is in now, unless only its owner is told again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round: Option<u32>,
    /// The trace that goes on, as 32 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
}

/// Which dead letters to drive again, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RedriveMany {
    /// Only those of this stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// Only those with this reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DeadLetterReason>)]
    pub reason: Option<String>,
    /// How many at most: 1 to 500, 50 if absent.
    #[schema(minimum = 1, maximum = 500)]
    #[serde(
        default,
        deserialize_with = "lenient_integer::read_optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub limit: Option<u32>,
    /// Where the call before ended: its `next_cursor`.
    #[schema(pattern = "^[0-9]{1,19}$")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// What the API says of a reason: a text, one of those that dead letters have.
#[derive(Debug)]
pub enum DeadLetterReason {}

impl PartialSchema for DeadLetterReason {
    fn schema() -> RefOr<Schema> {
        let names = DEAD_LETTERS.iter().copied();
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).into()
    }
}

impl ToSchema for DeadLetterReason {}

/// What came of driving many again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RedrivenMany {
    /// How many are on their way again.
    pub redriven: u32,
    /// Those that are not, and why. They are still there.
    pub failed: Vec<RedriveFailure>,
    /// Give it back as `cursor` to go on; absent when every dead letter was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A dead letter that could not be driven again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RedriveFailure {
    /// Where it is.
    pub seq: u64,
    /// The kind of problem, as in an error answer.
    #[serde(rename = "type")]
    pub kind: String,
    /// What is in the way.
    pub detail: String,
}

/// Headers that a dead letter carries beside the original ones.
pub mod dead_header {
    /// The stage that gave up.
    pub const STAGE: &str = "waybill-dead-stage";
    /// Why, as one of a fixed set of words.
    pub const REASON: &str = "waybill-dead-reason";
    /// Why, for people.
    pub const DETAIL: &str = "waybill-dead-detail";
    /// Attempts used up.
    pub const ATTEMPTS: &str = "waybill-dead-attempts";
    /// The subject the message came from.
    pub const SUBJECT: &str = "waybill-dead-subject";
    /// The message's place in the stream it first came from.
    pub const SEQ: &str = "waybill-dead-seq";
    /// Prefix of the original headers, kept as they were.
    pub const ORIGINAL: &str = "waybill-original-";
    /// On a redriven raw event: its place in the stream when it first came, so that it is no repeat.
    pub const REDRIVEN_SEQ: &str = "waybill-redriven-seq";
    /// On a redriven raw event that had become a job: the round that it starts.
    pub const REDRIVEN_ROUND: &str = "waybill-redriven-round";
}
