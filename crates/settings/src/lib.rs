//! How settings are read: one parser per kind of value, shared by every command and service.
//!
//! A parser trims white space around a value. Its error says what is allowed, never what was given: the edge
//! that prints it knows the name of the setting, and whether its value may be shown.

mod duration;
mod secret;
mod switch;
mod value;

pub use duration::{HumanDuration, duration, milliseconds, seconds};
pub use secret::{NotASecret, WebhookSecret, WebhookSecrets};
pub use switch::{Switch, switched_on};
pub use value::{
    broker_url, http_url, ip_address, listen_address, otlp_endpoint, trimmed, whole, without_user,
    word,
};
