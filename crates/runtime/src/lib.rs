//! The runtime of every service: clock, stop signals, back-off, admin server, HTTP guard, HTTP server.
//!
//! - [`clock`]: the only place that reads wall time
//! - [`ntp`]: measures that clock against a time server, and corrects it
//! - [`stop`]: signals, soft and hard stop
//! - [`backoff`]: delays that double up to a limit
//! - [`admin`]: health, readiness and metrics over HTTP
//! - [`http_guard`], [`http_measure`], [`problem`]: shared by all HTTP servers of the lab
//! - [`listen`]: binds a port, with an error that says what to do
//! - [`serve`]: HTTP server with bounded connections, time limits and graceful shutdown
//! - [`names`]: DNS look-ups with limits
//! - [`identity`]: the instance name of a process
//! - [`exit`]: exit code and error line

pub mod admin;
pub mod backoff;
pub mod clock;
pub mod exit;
pub mod http_guard;
pub mod http_measure;
pub mod identity;
pub mod listen;
pub mod names;
pub mod ntp;
pub mod problem;
pub mod serve;
pub mod stop;
