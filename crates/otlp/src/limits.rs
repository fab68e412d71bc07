//! Size limits of one message. The field table applies those of lists and texts.

/// Attributes of a span, event, link, log record, resource, scope or data point: the default of the SDKs.
pub const ATTRIBUTES_MAX: usize = 128;

/// Events of a span: the default of the SDKs.
pub const EVENTS_MAX: usize = 128;

/// Links of a span: the default of the SDKs.
pub const LINKS_MAX: usize = 128;

/// Exemplars of a data point.
pub const EXEMPLARS_MAX: usize = 1_024;

/// Longest name of a span, event or scope, in bytes.
pub const NAME_BYTES_MAX: usize = 4 * 1024;

/// Longest metric name and attribute key, in bytes.
pub const KEY_BYTES_MAX: usize = 1024;

/// Longest description, schema URL or trace state, in bytes.
pub const DESCRIPTION_BYTES_MAX: usize = 8 * 1024;

/// Maximum number of attribute values in one item, those inside lists included.
pub const VALUES_MAX: usize = 16 * 1024;

/// Deepest nesting of messages: about twenty nested maps or thirty nested lists.
pub const DEPTH_MAX: usize = 64;
