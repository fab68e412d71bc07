//! The console: receives the lab's telemetry, keeps the newest of it in memory, and shows it.
//!
//! - [`Config`]: addresses and limits
//! - [`run()`], [`start()`]: the listeners
//! - `receive`: OTLP over gRPC and over HTTP
//! - `scrape`: scrapes metrics if no collector sends them
//! - `store`: spans by trace, log lines, metric series with a short history; all limited
//! - `canary`: a small job at intervals, checked in every signal
//! - `hooks`: receives webhooks
//! - `gateway`: jobs from the gateway's API
//! - `grafana`: links to the same data in Grafana
//! - `state`: what the handlers share
//! - `query`: query parameters of the handlers
//! - `api`: JSON
//! - `page`: HTML
//!
//! Arrows point one way: `receive`, `scrape` → `store` ← `page`, `api`.

mod api;
mod blocking_pool;
mod canary;
mod config;
mod fetch;
mod gateway;
mod grafana;
mod hooks;
mod measure;
mod page;
mod query;
mod receive;
mod scrape;
mod start;
mod state;
mod store;

pub use canary::CanaryConfig;
pub use config::Config;
pub use grafana::{GrafanaUrl, InvalidGrafanaUrl};
pub use page::navigation;
pub use scrape::{InvalidScrapeTargets, ScrapeConfig, ScrapeTarget, ScrapeTargets};
pub use start::{RunningConsole, run, start};
