//! Starts a listener for each backend with a URL, and stops them together.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context as _;
use axum::Router;
use runtime::{
    admin::{self, ReadinessChecks},
    http_guard::{self, AllowedHosts},
    listen,
    serve::{ServerLimits, serve},
    stop::Stop,
};
use telemetry::Metrics;
use tokio::task::JoinSet;
use url::Url;

use crate::{
    Config,
    forward::{Way, forward},
    rules::Backend,
};

/// Media types of bodies. Forms are allowed, because Prometheus reads queries from forms: a foreign page could send
/// one only with its own origin, which is refused, and a query changes nothing.
const MEDIA_TYPES: &[&str] = &["application/x-www-form-urlencoded", "application/json"];
const LIMITS: ServerLimits = ServerLimits {
    connections: 64,
    // A query may take as long as a backend lets it.
    request_time: Some(Duration::from_mins(1)),
    exchange_time: Some(Duration::from_mins(2)),
    ..ServerLimits::PAGES
};

/// A listening proxy.
#[derive(Debug)]
pub struct RunningQueryProxy {
    /// Address for queries to Prometheus, if it has a URL.
    pub prometheus: Option<SocketAddr>,
    /// Address for queries to Loki, if it has a URL.
    pub loki: Option<SocketAddr>,
    /// Address for queries to Tempo, if it has a URL.
    pub tempo: Option<SocketAddr>,
    listeners: JoinSet<()>,
    stop: Stop,
}

/// Runs the proxy until the soft stop.
pub async fn run(config: Config, metrics: Metrics, stop: Stop) -> anyhow::Result<()> {
    start(config, metrics, stop)?.ended().await
}

/// Binds all addresses, then serves them until `stop`.
pub fn start(config: Config, metrics: Metrics, stop: Stop) -> anyhow::Result<RunningQueryProxy> {
    let mut running = RunningQueryProxy {
        prometheus: None,
        loki: None,
        tempo: None,
        listeners: JoinSet::new(),
        stop: stop.clone(),
    };
    let hosts = &config.admin.hosts.allowed_hosts;
    let Config { prometheus_bind, loki_bind, tempo_bind, .. } = config;
    let (prometheus, loki, tempo) = (config.prometheus, config.loki, config.tempo);
    running.prometheus = running.listen(Backend::Prometheus, prometheus, prometheus_bind, hosts)?;
    running.loki = running.listen(Backend::Loki, loki, loki_bind, hosts)?;
    running.tempo = running.listen(Backend::Tempo, tempo, tempo_bind, hosts)?;
    anyhow::ensure!(
        !running.listeners.is_empty(),
        "no backend: set --prometheus (WAYBILL_PROMETHEUS_URL), --loki (WAYBILL_LOKI_URL) or --tempo (WAYBILL_TEMPO_URL)"
    );
    admin::serve(&config.admin, metrics, ReadinessChecks::always(), stop)?;
    tracing::info!(?running.prometheus, ?running.loki, ?running.tempo, "query proxy listening");
    Ok(running)
}

impl RunningQueryProxy {
    fn listen(
        &mut self,
        backend: Backend,
        url: Option<Url>,
        bind: SocketAddr,
        hosts: &[String],
    ) -> anyhow::Result<Option<SocketAddr>> {
        let Some(url) = url else { return Ok(None) };
        let listener = listen::bind(bind, backend.flag())?;
        let bound = listener.local_addr().context("cannot read the bound address")?;
        let way = Way::to(backend, url)
            .with_context(|| format!("cannot build the HTTP client for {}", backend.name()))?;
        let router = Router::new().fallback(forward).with_state(way);
        let allowed = AllowedHosts::new(bound, hosts).media_types(MEDIA_TYPES);
        let router = http_guard::guard(router, allowed);
        self.listeners.spawn(serve(listener, router, LIMITS, self.stop.clone()));
        Ok(Some(bound))
    }

    /// Waits until everything has ended. An error if a listener failed.
    pub async fn ended(mut self) -> anyhow::Result<()> {
        while let Some(ended) = self.listeners.join_next().await {
            ended.context("a listener of the query proxy panicked")?;
        }
        self.stop.now();
        Ok(())
    }
}
