//! HTTP clients for a running lab: every request has a timeout, every response a size limit, and every error
//! a text for the user.

mod admin;
mod console;
mod error;
mod gateway;
mod http;
mod sse;

pub(crate) use admin::Admin;
pub(crate) use console::Console;
pub(crate) use error::ClientError;
pub(crate) use gateway::{DeadLetterFilter, Gateway, JobFilter};
pub(crate) use sse::{EventStream, ServerEvent};
