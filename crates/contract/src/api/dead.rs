//! Dead letters in the HTTP API, and redrives.

use json_body::lenient_integer;
use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

use crate::{JobId, Stage, signals::reason::DEAD_LETTERS};

/// Dead letters that one request redrives if it sets no limit.
pub const REDRIVE_LIMIT_DEFAULT: u32 = 50;
/// Maximum number of dead letters that one request redrives.
pub const REDRIVE_LIMIT_MAX: u32 = 500;

/// A dead letter in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeadLetterView {
    /// The dead letter's sequence number in the stream of dead letters.
    pub seq: u64,
    /// The stage that dead-lettered the message.
    pub stage: String,
    /// The reason, one of a fixed set of words.
    pub reason: String,
    /// What happened, for people.
    pub detail: String,
    /// The job, if the message had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    /// Attempts used up.
    pub attempts: u32,
    /// When it was dead-lettered, RFC 3339, broker time.
    pub dead_at: String,
    /// The message's trace, as 32 hex digits.
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
    /// Pass it as `cursor` to get the next page; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A dead letter with its headers and data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeadLetterDetail {
    /// The same fields as in a list.
    #[serde(flatten)]
    pub letter: DeadLetterView,
    /// The subject of the original message.
    pub subject: String,
    /// The headers of the original message.
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
    /// The header's name.
    pub name: String,
    /// The header's value, unchanged.
    pub value: String,
}

/// Response to a redrive: the message is queued again, and its dead letter is deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Redriven {
    /// The sequence number that the dead letter had.
    pub seq: u64,
    /// The stage that receives the message again.
    pub stage: Stage,
    /// The job, if the message has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    /// The job's new round; absent if only its notification is sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round: Option<u32>,
    /// The trace that continues, as 32 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
}

/// Which dead letters to redrive, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RedriveMany {
    /// Only those of this stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// Only those with this reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DeadLetterReasonSchema>)]
    pub reason: Option<String>,
    /// Maximum number of dead letters to redrive: 1 to 500, 50 if absent.
    #[schema(minimum = 1, maximum = 500)]
    #[serde(
        default,
        deserialize_with = "lenient_integer::read_optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub limit: Option<u32>,
    /// The `next_cursor` of the previous response.
    #[schema(pattern = "^[0-9]{1,19}$")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// The OpenAPI schema of a reason: one of the reasons of dead letters.
#[derive(Debug)]
pub enum DeadLetterReasonSchema {}

impl PartialSchema for DeadLetterReasonSchema {
    fn schema() -> RefOr<Schema> {
        let names = DEAD_LETTERS.iter().copied();
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).into()
    }
}

impl ToSchema for DeadLetterReasonSchema {
    fn name() -> std::borrow::Cow<'static, str> {
        "DeadLetterReason".into()
    }
}

/// Response to a redrive of several dead letters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RedrivenMany {
    /// How many were redriven.
    pub redriven: u32,
    /// Dead letters that could not be redriven, and why. They still exist.
    pub failed: Vec<RedriveFailure>,
    /// Pass it as `cursor` to continue; absent once all dead letters were considered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A dead letter that could not be redriven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RedriveFailure {
    /// The dead letter's sequence number.
    pub seq: u64,
    /// The kind of problem, as in an error response.
    #[serde(rename = "type")]
    pub kind: String,
    /// Why it could not be redriven.
    pub detail: String,
}
