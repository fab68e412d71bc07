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

use crate::canary::Canary;
use crate::config::Config;
use crate::gateway::Gateway;
use crate::grafana::GrafanaUrl;
use crate::hooks::Hooks;
use crate::measure::measure;
use crate::receive::Receiver;
use crate::scrape::{self, ScrapeConfig, Scraped};
use crate::store::{Budgets, Store};
use crate::work::Workers;
use crate::{api, page, receive};

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Pages and answers made at a time; the next ones wait.
const RENDERED_AT_A_TIME: usize = 2;

/// A console that listens.
#[derive(Debug)]
pub struct Running {
    /// Address of the web page and the JSON API.
    pub console: SocketAddr,
    /// Address that takes OTLP over gRPC.
    pub otlp_grpc: SocketAddr,
    /// Address that takes OTLP over HTTP.
    pub otlp_http: SocketAddr,
    /// Address of health and metrics.
    pub admin: SocketAddr,
    listeners: JoinSet<()>,
    stop: Stop,
}

/// What the pages and the API share.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) store: Arc<Store>,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) scraped: Arc<Scraped>,
    pub(crate) canary: Arc<Canary>,
    pub(crate) hooks: Arc<Hooks>,
    /// Where the notifier sends webhooks, for the page that says so.
    pub(crate) hooks_base: Arc<str>,
    pub(crate) grafana: Option<GrafanaUrl>,
    /// Where exporters send, for the page that says so.
    pub(crate) otlp: (SocketAddr, SocketAddr),
    /// Makes pages and answers.
    pub(crate) workers: Workers,
}

impl Shared {
    /// Makes a page or an answer, off the threads that wait for the network.
    pub(crate) async fn make<T: Send + 'static>(
        self,
        make: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> T {
        let workers = self.workers.clone();
        workers.run(move || make(&self)).await
    }
}

/// Runs the console until `stop`; it then ends within a second, open connections or not.
pub async fn run(config: Config, metrics: Metrics, stop: CancellationToken) -> anyhow::Result<()> {
    start(config, metrics, stop).await?.ended().await
}

/// Binds all addresses, then serves them until `stop`. With port 0 the system picks a free one.
pub async fn start(
    config: Config,
    metrics: Metrics,
    stop: CancellationToken,
) -> anyhow::Result<Running> {
    let (console_listener, console) =
        bind(config.console_bind, "--console-bind (WAYBILL_CONSOLE_BIND)")?;
    let (grpc_listener, otlp_grpc) =
        bind(config.otlp_grpc_bind, "--otlp-grpc-bind (WAYBILL_OTLP_GRPC_BIND)")?;
    let (http_listener, otlp_http) =
        bind(config.otlp_http_bind, "--otlp-http-bind (WAYBILL_OTLP_HTTP_BIND)")?;

    let shared = share(&config, &metrics, console, (otlp_grpc, otlp_http))?;
    let receiver = || Receiver::new(Arc::clone(&shared.store), metrics.clone());
    let (by_http, by_grpc) = (receiver(), receiver());
    let watching = watch(&shared, config.scrape.clone(), stop.clone())?;

    let hosts = |bound| AllowedHosts::new(bound, &config.admin.hosts.allowed_hosts);
    let pages = page::router().merge(api::router()).with_state(shared);
    let pages = http_guard::guard(page::harden(pages), hosts(console));
    let pages = measure(pages, metrics.clone());
    let otlp = receive::http::router(by_http);
    let otlp = http_guard::guard(otlp, hosts(otlp_http).media_types(receive::http::MEDIA_TYPES));

    // What drains is still to be seen: the admin server ends after the others.
    let stop = Stop { soft: stop, ..Stop::new() };
    let mut listeners = JoinSet::new();
    listeners.spawn(watching);
    let mut listen = |listener, router: Router, limits| {
        listeners.spawn(serve(listener, router, limits, stop.clone()));
    };
    listen(console_listener, pages, ServerLimits::PAGES);
    listen(http_listener, otlp, ServerLimits::OTLP_HTTP);
    listen(grpc_listener, receive::grpc::router(by_grpc), ServerLimits::OTLP_GRPC);
    let admin = admin::serve(&config.admin, metrics, ReadinessChecks::always(), stop.clone());
    let admin = admin?.address;
    tracing::info!(%console, %otlp_grpc, %otlp_http, %admin, "console listens");
    Ok(Running { console, otlp_grpc, otlp_http, admin, listeners, stop })
}

impl Running {
    /// Waits until everything has ended. An error if that happens before `stop`.
    pub async fn ended(mut self) -> anyhow::Result<()> {
        while let Some(ended) = self.listeners.join_next().await {
            ended.context("a listener of the console panicked")?;
        }
        self.stop.now();
        Ok(())
    }
}

/// What the pages and the API share, for a console whose page is at `console` and that takes OTLP at `otlp`.
fn share(
    config: &Config,
    metrics: &Metrics,
    console: SocketAddr,
    otlp: (SocketAddr, SocketAddr),
) -> anyhow::Result<Shared> {
    let store = Arc::new(Store::new(Budgets::of(config)));
    let (url, following) = (config.gateway_url.clone(), Arc::clone(&store));
    Ok(Shared {
        store,
        gateway: Arc::new(Gateway::new(url.clone())?),
        scraped: Arc::new(Scraped::new(&config.scrape.scrape_targets)),
        canary: Arc::new(Canary::new(config.canary.clone(), url, following, metrics.clone())?),
        hooks: Arc::new(Hooks::new(
            config.webhook_secret.clone().unwrap_or_default(),
            Clock::new(),
        )),
        hooks_base: hooks_base(config.hooks_url.as_ref(), console),
        grafana: config.grafana_url.clone(),
        otlp,
        workers: Workers::new(RENDERED_AT_A_TIME),
    })
}

/// Scraping and the canary, until `stop`.
fn watch(
    shared: &Shared,
    scrape: ScrapeConfig,
    stop: CancellationToken,
) -> anyhow::Result<impl Future<Output = ()> + use<>> {
    let Shared { store, gateway, scraped, canary, .. } = shared.clone();
    let scraping = scrape::run(scrape, store, scraped, scrape::fetcher()?, stop.clone());
    Ok(async move {
        tokio::join!(scraping, canary.run(&gateway, stop));
    })
}

/// How the notifier reaches the catcher, unless that is said: as this machine does.
fn hooks_base(given: Option<&Url>, console: SocketAddr) -> Arc<str> {
    let here = || {
        let ip = if console.ip().is_unspecified() { LOCALHOST } else { console.ip() };
        format!("http://{}", SocketAddr::new(ip, console.port()))
    };
    given.map_or_else(here, |url| url.as_str().trim_end_matches('/').to_owned()).into()
}

fn bind(address: SocketAddr, flag: &'static str) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = listen::bind(address, flag)?;
    let bound = listener.local_addr().context("cannot read the bound address")?;
    Ok((listener, bound))
}
