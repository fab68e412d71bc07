//! The admin server of every service: liveness, readiness and metrics. It creates no spans.

use std::{net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use anyhow::Context as _;
use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use serde::Serialize;
use telemetry::{Metrics, openmetrics};
use tokio::task::JoinHandle;

use crate::{
    http_guard::{AllowedHosts, HostsConfig, guard},
    listen,
    serve::{self, ServerLimits},
    stop::Stop,
};

/// Where the admin server listens.
#[derive(Debug, Clone, clap::Args)]
pub struct AdminConfig {
    /// Address of the admin server (/healthz, /readyz, /metrics). Port 0 takes any free port.
    #[arg(long, env = "WAYBILL_ADMIN_BIND", value_name = "ADDRESS", default_value = "127.0.0.1:0", value_parser = settings::listen_address)]
    pub admin_bind: SocketAddr,

    #[command(flatten)]
    /// Shared with the public server of the same service, if it has one.
    pub hosts: HostsConfig,
}

/// A readiness check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReadinessCheck {
    /// What is checked, such as `broker`.
    pub name: &'static str,
    /// Whether the check passed.
    pub ok: bool,
    /// The result as text, without secrets and addresses of other services.
    pub reason: String,
}

impl ReadinessCheck {
    /// A check that passed.
    pub fn ok(name: &'static str, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { name, ok: true, reason }
    }

    /// A check that failed, and why.
    pub fn failed(name: &'static str, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { name, ok: false, reason }
    }
}

type Checks = Pin<Box<dyn Future<Output = Vec<ReadinessCheck>> + Send>>;

/// The readiness checks of a service.
#[derive(Clone)]
pub struct ReadinessChecks(Arc<dyn Fn() -> Checks + Send + Sync>);

impl ReadinessChecks {
    /// Calls `checks` for each request. They must complete within [`CHECK_TIME_MAX`].
    pub fn new<F, C>(checks: C) -> Self
    where
        C: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Vec<ReadinessCheck>> + Send + 'static,
    {
        Self(Arc::new(move || Box::pin(checks())))
    }

    /// No checks: always ready.
    pub fn always() -> Self {
        Self::new(|| async { Vec::new() })
    }
}

/// Timeout of the readiness checks; after it the service counts as not ready.
pub const CHECK_TIME_MAX: Duration = Duration::from_secs(1);

/// A running admin server.
#[derive(Debug)]
pub struct AdminServer {
    /// The address on which it listens, with the actual port.
    pub address: SocketAddr,
    /// Ends after the hard stop.
    pub task: JoinHandle<()>,
}

/// Binds the address and serves until the hard stop, so that a draining service is visible, as not ready.
/// Fails if the port is in use; the error names the flag.
pub fn serve(
    config: &AdminConfig,
    metrics: Metrics,
    readiness: ReadinessChecks,
    stop: Stop,
) -> anyhow::Result<AdminServer> {
    let listener = listen::bind(config.admin_bind, "--admin-bind (WAYBILL_ADMIN_BIND)")?;
    let address = listener.local_addr().context("the admin server has no address")?;
    let until = Stop { soft: stop.hard.clone(), hard: stop.hard.clone() };
    let routes = Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .with_state((readiness, stop))
        .route("/metrics", get(move || async move { text(&metrics) }));
    let routes = guard(routes, AllowedHosts::new(address, &config.hosts.allowed_hosts));
    let task = tokio::spawn(serve::serve(listener, routes, ServerLimits::ADMIN, until));
    Ok(AdminServer { address, task })
}

#[derive(Serialize)]
struct ReadyResponse {
    ready: bool,
    checks: Vec<ReadinessCheck>,
}

async fn ready(State((readiness, stop)): State<(ReadinessChecks, Stop)>) -> impl IntoResponse {
    let running = tokio::time::timeout(CHECK_TIME_MAX, (readiness.0)());
    let late = |_| vec![ReadinessCheck::failed("checks", "took longer than a second")];
    let mut checks = running.await.unwrap_or_else(late);
    if stop.soft.is_cancelled() {
        checks.push(ReadinessCheck::failed("stop", "the service is stopping"));
    }
    let ready = checks.iter().all(|check| check.ok);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(ReadyResponse { ready, checks }))
}

fn text(metrics: &Metrics) -> impl IntoResponse + use<> {
    let media = [(header::CONTENT_TYPE, openmetrics::CONTENT_TYPE)];
    (media, metrics.text())
}
