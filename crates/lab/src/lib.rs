//! The embedded lab: starts, supervises and inspects its processes.
//!
//! - [`nats`]: finds or fetches a real nats-server, and runs one
//! - [`embedded`]: the lab that `waybill up` starts: ports, data folder, parts
//! - [`supervisor`]: starts, restarts and stops processes
//! - [`LabTimeServer`]: the lab's SNTP server
//! - [`guard`]: ends child processes with their supervisor
//!
//! It prints nothing; the `waybill` binary prints its [`LabEvent`]s.

pub mod embedded;
pub mod ephemeral;
pub mod guard;
pub mod nats;
pub mod supervisor;

mod event;
mod log_file;
mod part;
mod ports;
mod process;
mod ready;
mod time_server;

pub use event::{LabEvent, LabEventSink, silent};
pub use part::{Part, UnknownPart};
pub use ports::{
    PORT_BASE_MAX, PORT_BASE_MIN, PORT_SPAN, PortArgs, PortTaken, Ports, PortsTaken, can_listen,
};
pub use process::{Launch, Process, Stopped};
pub use ready::Ready;
pub use time_server::LabTimeServer;
