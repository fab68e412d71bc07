//! Starts the console's listeners and ends them together.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use runtime::admin::{self, ReadinessChecks};
use runtime::clock::Clock;
use runtime::http_guard::{self, AllowedHosts};
use runtime::listen;
use runtime::serve::{ServerLimits, serve};
use runtime::stop::Stop;
use telemetry::Metrics;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::blocking_pool::BlockingPool;
use crate::canary::Canary;
use crate::config::Config;
use crate::gateway::Gateway;
use crate::hooks::{self, Hooks};
use crate::measure::measure;
use crate::receive::OtlpReceiver;
use crate::scrape::{self, ScrapeConfig, TargetStates};
use crate::state::ConsoleState;
use crate::store::Store;
use crate::{api, page, receive};

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Pages and API responses rendered at a time.
const RENDERED_AT_A_TIME: usize = 2;

/// A console that listens.
#[derive(Debug)]
pub struct RunningConsole {
    /// Address of the pages and the JSON API.
    pub console: SocketAddr,
    /// Address that receives OTLP over gRPC.
    pub otlp_grpc: SocketAddr,
    /// Address that receives OTLP over HTTP.
    pub otlp_http: SocketAddr,
    /// Address of health and metrics.
    pub admin: SocketAddr,
    listeners: JoinSet<()>,
    stop: Stop,
}

/// Runs the console until `stop`, then ends within a second, even if connections are open.
pub async fn run(config: Config, metrics: Metrics, stop: CancellationToken) -> anyhow::Result<()> {
    start(config, metrics, stop).await?.ended().await
}

/// Binds all addresses, then serves them until `stop`. With port 0 the system picks a free port.
pub async fn start(
    config: Config,
    metrics: Metrics,
    stop: CancellationToken,
) -> anyhow::Result<RunningConsole> {
    let (console_listener, console) =
        bind(config.console_bind, "--console-bind (WAYBILL_CONSOLE_BIND)")?;
    let (grpc_listener, otlp_grpc) =
        bind(config.otlp_grpc_bind, "--otlp-grpc-bind (WAYBILL_OTLP_GRPC_BIND)")?;
    let (http_listener, otlp_http) =
        bind(config.otlp_http_bind, "--otlp-http-bind (WAYBILL_OTLP_HTTP_BIND)")?;

    let bound = BoundAddresses { console, otlp_grpc, otlp_http };
    let state = build_state(&config, &metrics, bound)?;
    let receiver = || OtlpReceiver::new(Arc::clone(&state.store), metrics.clone());
    let (http_receiver, grpc_receiver) = (receiver(), receiver());
    let background = background(&state, config.scrape.clone(), stop.clone())?;

    let hosts = |bound| AllowedHosts::new(bound, &config.admin.hosts.allowed_hosts);
    let pages = page::router().merge(api::router()).merge(hooks::router()).with_state(state);
    let pages = http_guard::guard(page::harden(pages), hosts(console));
    let pages = measure(pages, metrics.clone());
    let otlp = receive::http::router(http_receiver);
    let otlp = http_guard::guard(otlp, hosts(otlp_http).media_types(receive::http::MEDIA_TYPES));

    // The admin server ends after the others, so that their end is visible.
    let stop = Stop { soft: stop, ..Stop::new() };
    let mut listeners = JoinSet::new();
    listeners.spawn(background);
    let mut listen = |listener, router: Router, limits| {
        listeners.spawn(serve(listener, router, limits, stop.clone()));
    };
    listen(console_listener, pages, ServerLimits::PAGES);
    listen(http_listener, otlp, ServerLimits::OTLP_HTTP);
    listen(grpc_listener, receive::grpc::router(grpc_receiver), ServerLimits::OTLP_GRPC);
    let admin = admin::serve(&config.admin, metrics, ReadinessChecks::always(), stop.clone());
    let admin = admin?.address;
    tracing::info!(%console, %otlp_grpc, %otlp_http, %admin, "console listens");
    Ok(RunningConsole { console, otlp_grpc, otlp_http, admin, listeners, stop })
}

impl RunningConsole {
    /// Waits until everything has ended. An error if a listener panicked.
    pub async fn ended(mut self) -> anyhow::Result<()> {
        while let Some(ended) = self.listeners.join_next().await {
            ended.context("a listener of the console panicked")?;
        }
        self.stop.now();
        Ok(())
    }
}

#[derive(Clone, Copy)]
struct BoundAddresses {
    console: SocketAddr,
    otlp_grpc: SocketAddr,
    otlp_http: SocketAddr,
}

fn build_state(
    config: &Config,
    metrics: &Metrics,
    bound: BoundAddresses,
) -> anyhow::Result<ConsoleState> {
    let store = Arc::new(Store::new(config.store_limits()));
    let (gateway, canary_store) = (&config.gateway_url, Arc::clone(&store));
    let canary = Canary::new(config.canary.clone(), gateway, canary_store, metrics.clone());
    Ok(ConsoleState {
        store,
        gateway: Arc::new(Gateway::new(gateway)?),
        scrape_states: Arc::new(TargetStates::new(&config.scrape.scrape_targets)),
        canary: Arc::new(canary?),
        hooks: Arc::new(Hooks::new(
            config.webhook_secret.clone().unwrap_or_default(),
            Clock::new(),
        )),
        hooks_base: hooks_base(config.hooks_url.as_ref(), bound.console),
        grafana: config.grafana_url.clone(),
        otlp_grpc: bound.otlp_grpc,
        otlp_http: bound.otlp_http,
        rendering: BlockingPool::new(RENDERED_AT_A_TIME),
    })
}

/// Scraping and the canary, until `stop`.
fn background(
    state: &ConsoleState,
    scrape: ScrapeConfig,
    stop: CancellationToken,
) -> anyhow::Result<impl Future<Output = ()> + use<>> {
    let ConsoleState { store, gateway, scrape_states, canary, .. } = state.clone();
    let scraping = scrape::run(scrape, store, scrape_states, scrape::fetcher()?, stop.clone());
    Ok(async move {
        tokio::join!(scraping, canary.run(&gateway, stop));
    })
}

/// Base URL of the webhook receiver for the notifier: the configured one, else the console's address.
fn hooks_base(configured: Option<&Url>, console: SocketAddr) -> Arc<str> {
    let own = || {
        let ip = if console.ip().is_unspecified() { LOCALHOST } else { console.ip() };
        format!("http://{}", SocketAddr::new(ip, console.port()))
    };
    configured.map_or_else(own, |url| url.as_str().trim_end_matches('/').to_owned()).into()
}

fn bind(address: SocketAddr, flag: &'static str) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = listen::bind(address, flag)?;
    let bound = listener.local_addr().context("cannot read the bound address")?;
    Ok((listener, bound))
}
