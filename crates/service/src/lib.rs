//! What every service of the lab is built around: clock, stop signals, admin server, HTTP guard.
//!
//! - [`clock`]: the only place that reads wall time
//! - [`stop`]: signals, and the two ways to end
//! - [`admin`]: health, readiness and metrics over HTTP
//! - [`http_guard`], [`problem`]: what every HTTP server of the lab shares
//! - [`listen`]: binding a port, with an error that says what to do
//! - [`identity`]: the name of one process
//! - [`exit`]: how a service ends

pub mod admin;
pub mod clock;
pub mod exit;
pub mod http_guard;
pub mod identity;
pub mod listen;
pub mod problem;
pub mod stop;
