//! `waybill gateway` and the other services: runs one service in this process.

use std::process::ExitCode;

use anyhow::Context as _;
use bus::ServiceContext;
use runtime::{
    clock::{Clock, ClockConfig},
    exit,
    identity::IdentityConfig,
    stop::{Stop, StopConfig},
};
use settings::Switch;
use telemetry::TelemetryConfig;

/// The settings of one service: its own, and the shared ones.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ServiceCommand<C: clap::Args> {
    #[command(flatten)]
    config: C,
    #[command(flatten)]
    stop: StopConfig,
    #[command(flatten)]
    identity: IdentityConfig,
    #[command(flatten)]
    clock: ClockConfig,
    #[command(flatten)]
    telemetry: TelemetryConfig,
}

impl<C: clap::Args> ServiceCommand<C> {
    /// Runs the service called `name` until a signal ends it.
    pub(crate) fn run<R>(self, name: &str, run: R) -> ExitCode
    where
        R: AsyncFnOnce(C, ServiceContext, Stop) -> anyhow::Result<()>,
    {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        match runtime.context("cannot start the runtime") {
            Ok(runtime) => runtime.block_on(self.serve(name, run)),
            Err(error) => exit::exit_code(name, Err(error)),
        }
    }

    /// Turns off OTLP export: the console would only send telemetry to itself.
    pub(crate) fn without_telemetry(mut self) -> Self {
        self.telemetry.telemetry = Switch::Off;
        self
    }

    async fn serve<R>(self, name: &str, run: R) -> ExitCode
    where
        R: AsyncFnOnce(C, ServiceContext, Stop) -> anyhow::Result<()>,
    {
        let identity = self.identity.identity(name);
        let clock = Clock::new();
        let telemetry = match telemetry::init(&identity, &self.telemetry, clock.offset()) {
            Ok(telemetry) => telemetry,
            Err(error) => return exit::exit_code(name, Err(error.into())),
        };
        let _watch = self.clock.start(&clock, &telemetry.metrics());
        let service = ServiceContext {
            instance: identity.instance,
            clock,
            metrics: telemetry.metrics(),
            spans: telemetry.spans(),
        };
        let outcome = match Stop::on_signals(self.stop.grace()) {
            Ok(stop) => run(self.config, service, stop).await,
            Err(error) => Err(error).context("cannot listen to signals"),
        };
        let code = exit::exit_code(name, outcome);
        // After an error too: the last spans are the most interesting ones.
        telemetry.stop().await;
        code
    }
}
