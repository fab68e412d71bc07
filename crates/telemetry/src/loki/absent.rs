//! Replaces the Loki exporter in builds without the cargo feature `loki`: configuring it is an error.

use prometheus::IntCounter;
use url::Url;

pub(crate) type LokiLayer = tracing_subscriber::layer::Identity;

/// Has no values.
#[derive(Debug)]
pub(crate) enum LokiExport {}

pub(crate) fn start(
    _: &Url,
    _: &str,
    _: IntCounter,
) -> Result<(LokiLayer, LokiExport), &'static str> {
    Err("this build has no Loki support (cargo feature `loki`)")
}

impl LokiExport {
    pub(crate) fn stop(self) -> std::future::Ready<()> {
        match self {}
    }
}
