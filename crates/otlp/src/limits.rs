//! How large one message may become. Counts of repeated fields and lengths of texts stand in the table.

/// Attributes of a span, event, link, log record, resource, scope or data point: the default of the SDKs.
pub const ATTRIBUTES_MAX: usize = 128;

/// Events of a span: the default of the SDKs.
pub const EVENTS_MAX: usize = 128;

/// Links of a span: the default of the SDKs.
pub const LINKS_MAX: usize = 128;

/// Exemplars of a data point.
pub const EXEMPLARS_MAX: usize = 1_024;

/// Names of spans, events and scopes, in bytes.
pub const NAME_BYTES_MAX: usize = 4 * 1024;

/// Names of metrics and keys of attributes, in bytes.
pub const KEY_BYTES_MAX: usize = 1024;

/// Texts that describe: a metric's description, a schema's URL, a trace state.
pub const DESCRIPTION_BYTES_MAX: usize = 8 * 1024;

/// Attribute values inside one item, those inside lists included.
pub const VALUES_MAX: usize = 16 * 1024;

/// Messages inside messages: twenty maps within each other, or thirty lists.
pub const DEPTH_MAX: usize = 64;
