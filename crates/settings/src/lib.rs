//! Parsers of settings, one per kind of value, shared by every command and service.
//!
//! Parsers trim white space around a value. Their errors say what is allowed and never repeat the given value, which may be
//! a secret: the caller adds the name of the setting, and the value where it may be shown.

mod duration;
mod secret;
mod switch;
mod value;

pub use duration::{HumanDuration, duration, milliseconds, seconds};
pub use secret::{InvalidSecret, WebhookSecret, WebhookSecrets};
pub use switch::{Switch, switched_on};
pub use value::{
    broker_url, http_url, ip_address, listen_address, otlp_endpoint, trimmed, whole, without_user,
    word,
};
