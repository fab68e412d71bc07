//! The webhook receiver: shows the notifications that submitters of jobs and receivers of alerts get.
//!
//! - `handler`: `POST /hooks/{name}`
//! - `hook`, `fields`: a received webhook
//! - `inbox`: the newest webhooks of each name, limited in number and in bytes
//! - `signature`: checks the signature
//! - `requested_response`: the response that the address requests, to simulate failures

mod fields;
mod handler;
mod hook;
mod inbox;
mod receiver;
mod requested_response;
mod signature;

pub(crate) use handler::{BODY_BYTES_MAX, router};
pub(crate) use hook::{Hook, is_name};
pub(crate) use inbox::{HookSummary, KEPT_MAX, NAMES_MAX};
pub(crate) use receiver::Hooks;
pub(crate) use signature::Signature;
