//! Starts the console's three listeners and ends them together.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use service::http_guard::{self, AllowedHosts};
use service::listen;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::gateway::Gateway;
use crate::listen::{Protocol, serve};
use crate::receive::Receiver;
use crate::store::{Budgets, Store};
use crate::{api, page, receive};

/// A console that listens.
#[derive(Debug)]
pub struct Running {
    /// Address of the web page and the JSON API.
    pub console: SocketAddr,
    /// Address that takes OTLP over gRPC.
    pub otlp_grpc: SocketAddr,
    /// Address that takes OTLP over HTTP.
    pub otlp_http: SocketAddr,
    listeners: JoinSet<()>,
}

/// What the pages and the API share.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) store: Arc<Store>,
    pub(crate) gateway: Arc<Gateway>,
    /// Where exporters send, for the page that says so.
    pub(crate) otlp: (SocketAddr, SocketAddr),
}

/// Runs the console until `stop`; it then ends within a second, open connections or not.
pub async fn run(config: Config, stop: CancellationToken) -> anyhow::Result<()> {
    start(config, stop).await?.ended().await
}

/// Binds all addresses, then serves them until `stop`. With port 0 the system picks a free one.
pub async fn start(config: Config, stop: CancellationToken) -> anyhow::Result<Running> {
    let (console_listener, console) =
        bind(config.console_bind, "--console-bind (WAYBILL_CONSOLE_BIND)").await?;
    let (grpc_listener, otlp_grpc) =
        bind(config.otlp_grpc_bind, "--otlp-grpc-bind (WAYBILL_OTLP_GRPC_BIND)").await?;
    let (http_listener, otlp_http) =
        bind(config.otlp_http_bind, "--otlp-http-bind (WAYBILL_OTLP_HTTP_BIND)").await?;

    let store = Arc::new(Store::new(Budgets::of(&config)));
    let receiver = Receiver::new(Arc::clone(&store));
    let gateway = Arc::new(Gateway::new(config.gateway_url.clone())?);
    let shared = Shared { store, gateway, otlp: (otlp_grpc, otlp_http) };

    let hosts = |bound| AllowedHosts::new(bound, &config.hosts.allowed_hosts);
    let pages = page::router().merge(api::router()).with_state(shared);
    let pages = http_guard::guard(page::harden(pages), hosts(console));
    let otlp = receive::http::router(receiver.clone());
    let otlp = http_guard::guard(otlp, hosts(otlp_http).media_types(receive::http::MEDIA_TYPES));

    let mut listeners = JoinSet::new();
    let mut listen = |listener, router: Router, protocol| {
        listeners.spawn(serve(listener, router, protocol, stop.clone()));
    };
    listen(console_listener, pages, Protocol::Http);
    listen(http_listener, otlp, Protocol::Http);
    listen(grpc_listener, receive::grpc::router(receiver), Protocol::Grpc);
    tracing::info!(%console, %otlp_grpc, %otlp_http, "console listens");
    Ok(Running { console, otlp_grpc, otlp_http, listeners })
}

impl Running {
    /// Waits until everything has ended. An error if that was not asked for by `stop`.
    pub async fn ended(mut self) -> anyhow::Result<()> {
        while let Some(ended) = self.listeners.join_next().await {
            ended.context("a listener of the console broke")?;
        }
        Ok(())
    }
}

async fn bind(
    address: SocketAddr,
    flag: &'static str,
) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = listen::bind(address, flag).await?;
    let bound = listener.local_addr().context("reading the bound address")?;
    Ok((listener, bound))
}
