//! What every service of the lab is built around: clock, stop signals, admin server, HTTP guard, listener.
//!
//! - [`clock`]: the only place that reads wall time
//! - [`ntp`]: measures that clock against a time server, and corrects it
//! - [`stop`]: signals, and the two ways to end
//! - [`admin`]: health, readiness and metrics over HTTP
//! - [`http_guard`], [`http_measure`], [`problem`]: what every HTTP server of the lab shares
//! - [`listen`]: binding a port, with an error that says what to do
//! - [`serve`]: bounded connections with time limits, ended in order
//! - [`names`]: host names, looked up within limits
//! - [`identity`]: the name of one process
//! - [`exit`]: how a service ends

pub mod admin;
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
