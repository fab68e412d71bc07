//! The embedded lab: starts, supervises and inspects its processes.
//!
//! - [`nats`]: finds or fetches a real nats-server, and runs one
//! - [`embedded`]: what `waybill up` starts: ports, data folder, the list of parts
//! - [`supervisor`]: keeps processes running, whatever they are
//! - [`LabTime`]: the lab's SNTP server
//! - [`guard`]: ties a child's life to the supervisor's
//!
//! It prints nothing: the `waybill` binary does.

pub mod embedded;
pub mod ephemeral;
pub mod guard;
pub mod nats;
pub mod supervisor;

mod log_file;
mod part;
mod ports;
mod process;
mod progress;
mod ready;
mod time_server;

pub use part::{NotAPart, Part};
pub use ports::{
    PORT_BASE_MAX, PORT_BASE_MIN, PORT_SPAN, PortArgs, PortTaken, Ports, PortsTaken, can_listen,
};
pub use process::{Launch, Process, Stopped};
pub use progress::{Progress, Report, silent};
pub use ready::Ready;
pub use time_server::LabTime;
