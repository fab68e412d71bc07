//! What the handlers of pages, API and webhooks share.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::FromRef;

use crate::blocking_pool::BlockingPool;
use crate::canary::Canary;
use crate::gateway::Gateway;
use crate::grafana::GrafanaUrl;
use crate::hooks::Hooks;
use crate::scrape::TargetStates;
use crate::store::Store;

/// The state of the router; made once at the start.
#[derive(Debug, Clone)]
pub(crate) struct ConsoleState {
    pub(crate) store: Arc<Store>,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) scrape_states: Arc<TargetStates>,
    pub(crate) canary: Arc<Canary>,
    pub(crate) hooks: Arc<Hooks>,
    /// Base URL of the webhook receiver for the notifier.
    pub(crate) hooks_base: Arc<str>,
    pub(crate) grafana: Option<GrafanaUrl>,
    pub(crate) otlp_grpc: SocketAddr,
    pub(crate) otlp_http: SocketAddr,
    /// Renders pages and JSON.
    pub(crate) rendering: BlockingPool,
}

impl ConsoleState {
    /// Renders a page or JSON on a thread of the pool.
    pub(crate) async fn render<T: Send + 'static>(
        self,
        render: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> T {
        let pool = self.rendering.clone();
        pool.run(move || render(&self)).await
    }
}

impl FromRef<ConsoleState> for Arc<Hooks> {
    fn from_ref(state: &ConsoleState) -> Self {
        Self::clone(&state.hooks)
    }
}
