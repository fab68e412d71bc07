//! Talks HTTP to a running lab: every request with a time limit, every answer with a size limit, every
//! error in words for the user.

mod admin;
mod console;
mod error;
mod gateway;
mod http;
mod sse;

pub(crate) use admin::{Admin, sum_of};
pub(crate) use console::Console;
pub(crate) use error::ClientError;
pub(crate) use gateway::{Gateway, JobFilter, LetterFilter};
pub(crate) use sse::{EventStream, ServerEvent};
