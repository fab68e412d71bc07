//! A fresh lab for one measurement.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use lab::embedded::{Embedded, EmbeddedOptions};
use tempfile::TempDir;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{
    Bench, Variant,
    latency::LatencySample,
    pipeline_load::PipelineLoad,
    relay::{Relay, broker},
    report::Measurement,
    stage_metrics::StageMetrics,
    usage::UsageMeter,
    variant::TelemetryTarget,
};

/// Timeout for stopping a lab.
const GRACE: Duration = Duration::from_secs(3);

/// A lab with its telemetry target and load.
pub(super) struct LabRun {
    lab: Embedded,
    variant: Variant,
    _target: TelemetryTarget,
    _folder: TempDir,
}

impl LabRun {
    /// Starts an empty lab.
    pub(super) async fn start(bench: &Bench, variant: Variant) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("creating a folder for the lab")?;
        let mut options = EmbeddedOptions {
            ports: bench.ports,
            data_dir: folder.path().join("lab"),
            processors: bench.processors,
            grace: GRACE,
            finder: bench.finder.clone(),
            ..EmbeddedOptions::new(bench.waybill.clone())
        };
        let target = TelemetryTarget::prepare(variant, &mut options).await?;
        let lab = Embedded::up(options, CancellationToken::new()).await?;
        Ok(Self { lab, variant, _target: target, _folder: folder })
    }

    /// Jobs per second at full load.
    pub(super) async fn throughput(self, bench: &Bench) -> anyhow::Result<Measurement> {
        let trial = match self.variant {
            Variant::Relay => self.relay(bench).await,
            _ => self.pipeline(bench).await,
        };
        self.lab.down().await;
        trial
    }

    /// The latency of jobs at a steady rate.
    pub(super) async fn steady(self, bench: &Bench, rate: f64) -> anyhow::Result<LatencySample> {
        let flow = self.flow().await?;
        let _warm = flow.steady(rate, bench.warm_up).await;
        let before = StageMetrics::read(&self.lab).await?;
        let took = flow.steady(rate, bench.measured).await;
        let stages = StageMetrics::read(&self.lab).await?.since(&before);
        let checked = flow.check();
        self.lab.down().await;
        checked?;
        Ok(LatencySample { took, stages })
    }

    async fn relay(&self, bench: &Bench) -> anyhow::Result<Measurement> {
        let relay = Relay {
            lab: &self.lab,
            in_flight: bench.in_flight,
            warm_up: bench.warm_up,
            measured: bench.measured,
        };
        let (jobs_per_second, used) = relay.run().await?;
        Ok(Measurement { variant: self.variant, jobs_per_second, dropped: 0.0, used })
    }

    async fn pipeline(&self, bench: &Bench) -> anyhow::Result<Measurement> {
        let flow = self.flow().await?;
        let source = tokio::spawn(flow.clone().keep_full(bench.in_flight));
        tokio::time::sleep(bench.warm_up).await;
        let meter = UsageMeter::start(&self.lab);
        let (started_at, before) = (Instant::now(), flow.done());
        tokio::time::sleep(bench.measured).await;
        let (done, time) = (flow.done() - before, started_at.elapsed());
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let jobs_per_second = done as f64 / time.as_secs_f64();
        let used = meter.read(jobs_per_second);
        source.abort();
        flow.check()?;
        ensure!(done > 0, "no job was completed");
        let dropped = StageMetrics::read(&self.lab).await?.dropped();
        Ok(Measurement { variant: self.variant, jobs_per_second, dropped, used })
    }

    async fn flow(&self) -> anyhow::Result<std::sync::Arc<PipelineLoad>> {
        let gateway = Url::parse(&format!("http://127.0.0.1:{}/", self.lab.ports().gateway))?;
        PipelineLoad::new(&gateway, &broker(&self.lab)).await
    }
}
