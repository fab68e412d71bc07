//! Headers of a dead letter, in addition to the original ones, and of a redriven message.

/// The stage that dead-lettered the message.
pub const STAGE: &str = "waybill-dead-stage";
/// The reason, one of a fixed set of words.
pub const REASON: &str = "waybill-dead-reason";
/// What happened, for people.
pub const DETAIL: &str = "waybill-dead-detail";
/// Attempts used up.
pub const ATTEMPTS: &str = "waybill-dead-attempts";
/// The subject of the original message.
pub const SUBJECT: &str = "waybill-dead-subject";
/// Stream sequence of the original message.
pub const SEQ: &str = "waybill-dead-seq";
/// Prefix of the original headers, which are otherwise unchanged.
pub const ORIGINAL: &str = "waybill-original-";
/// On a redriven raw event: its original stream sequence, so that it is not taken for a duplicate.
pub const REDRIVEN_SEQ: &str = "waybill-redriven-seq";
/// On a redriven raw event whose job exists: the round that it starts.
pub const REDRIVEN_ROUND: &str = "waybill-redriven-round";
