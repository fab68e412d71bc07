//! The console: takes the lab's telemetry, keeps the latest of it in memory, and shows it.
//!
//! - [`Config`]: addresses and limits
//! - [`run()`], [`start()`]: listeners that live and end together
//! - `receive`: OTLP over gRPC and over HTTP
//! - `scrape`: fetches metrics where no collector sends them
//! - `store`: spans by trace, log lines, metric series with a short history; all bounded
//! - `canary`: a job now and then, followed through every signal
//! - `hooks`: catches webhooks
//! - `grafana`: where the same is seen in Grafana
//! - `api`: the same as JSON
//! - `page`: the same for people

mod api;
mod canary;
mod config;
mod export;
mod fetch;
mod gateway;
mod grafana;
mod hooks;
mod measure;
mod page;
mod receive;
mod scrape;
mod start;
mod store;
mod work;

pub use canary::CanaryConfig;
pub use config::Config;
pub use grafana::{GrafanaUrl, NotAGrafana};
pub use scrape::{NotTargets, ScrapeConfig, Target, Targets};
pub use start::{Running, run, start};
