//! Starts the parts of the gateway and ends them together.

use std::{net::SocketAddr, sync::Arc};

use anyhow::{Context as _, ensure};
use bus::ServiceContext;
use nats::Readiness;
use runtime::{
    admin,
    http_guard::AllowedHosts,
    serve::{ServerLimits, serve},
    stop::Stop,
};
use tokio::task::JoinSet;

use crate::{Config, app::App, broker, routes};

/// A listening gateway. The broker may still be unreachable.
#[derive(Debug)]
pub struct RunningGateway {
    /// Address of the HTTP API.
    pub api: SocketAddr,
    /// Address of health and metrics.
    pub admin: SocketAddr,
    parts: JoinSet<anyhow::Result<()>>,
    stop: Stop,
}

/// Runs the gateway until the stop. Requests in progress may finish until the hard stop.
pub async fn run(config: Config, service: ServiceContext, stop: Stop) -> anyhow::Result<()> {
    start(config, service, stop).await?.ended().await
}

/// Binds and serves both addresses; connects to the broker in the background.
pub async fn start(
    config: Config,
    service: ServiceContext,
    stop: Stop,
) -> anyhow::Result<RunningGateway> {
    let flag = "--gateway-bind (WAYBILL_GATEWAY_BIND)";
    let listener = runtime::listen::bind(config.gateway_bind, flag)?;
    let api = listener.local_addr().context("the HTTP API has no address")?;
    let app = Arc::new(App::new(&config, service.clone(), stop.clone())?);
    let readiness = Readiness::default();
    let checks = app.readiness(readiness.clone());
    let admin = admin::serve(&config.admin, service.metrics, checks, stop.clone())?.address;

    let hosts = AllowedHosts::new(api, &config.admin.hosts.allowed_hosts);
    let router = routes::router(app.clone(), hosts);
    let mut parts = JoinSet::new();
    let until = stop.clone();
    parts.spawn(async move {
        serve(listener, router, ServerLimits::API, until).await;
        Ok(())
    });
    parts.spawn(broker::run(app, config.bus, readiness, stop.clone()));
    tracing::info!(%api, %admin, "gateway listening");
    Ok(RunningGateway { api, admin, parts, stop })
}

impl RunningGateway {
    /// Waits until everything has ended. A part that ends before the stop ends the others, and is an error.
    pub async fn ended(mut self) -> anyhow::Result<()> {
        let mut outcome = Ok(());
        while let Some(joined) = self.parts.join_next().await {
            let is_stopping = self.stop.soft.is_cancelled();
            let ended = joined.context("a part of the gateway panicked").flatten();
            let ended = ended.and_then(|()| {
                ensure!(is_stopping, "a part of the gateway ended before the stop");
                Ok(())
            });
            self.stop.trigger_soft();
            outcome = outcome.and(ended);
        }
        outcome
    }
}
