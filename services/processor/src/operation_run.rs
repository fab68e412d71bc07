//! One operation of a run: its span, its metrics, and its progress.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use bus::Failure;
use contract::{
    JobId,
    operation::Operation,
    propagation::TraceParent,
    record::Progress,
    result::{OperationOutcome, OperationResult},
    signals::{self, attr, operation, span},
};
use jobs::{Jobs, Run, SessionError};
use opentelemetry::{KeyValue, trace::SpanKind};
use operations::run::{OperationContext, OperationError};
use serde_json::Value;
use telemetry::FinishedSpan;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, field::Empty};

use crate::{
    isolation::{self, Request},
    tiles::RunTiles,
};

/// Time between two checks of the progress of a long operation.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Progress between two spans: at most ten spans per operation.
const PROGRESS_STEP: f32 = 0.1;

/// One operation to run.
pub(crate) struct OperationRun<'a> {
    pub(crate) jobs: &'a Jobs,
    pub(crate) job: JobId,
    pub(crate) run: &'a Run,
    pub(crate) index: usize,
    pub(crate) operation: &'a Operation,
}

/// Why the operations of a job ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    Cancelled,
    Deadline,
}

impl OperationRun<'_> {
    /// Runs the operation in a span.
    pub(crate) async fn perform(
        &self,
        stop: CancellationToken,
    ) -> Result<OperationResult, Failure> {
        let kind = self.operation.kind();
        let span = tracing::info_span!(
            "operation",
            otel.name = span::operation_name(kind),
            otel.status_code = Empty,
            otel.status_description = Empty,
            "waybill.operation.kind" = kind.name(),
            "waybill.operation.index" = self.index,
        );
        self.perform_in_span(stop).instrument(span).await
    }

    async fn perform_in_span(&self, stop: CancellationToken) -> Result<OperationResult, Failure> {
        let started = Instant::now();
        let progress = watch::Sender::new(0.0);
        let parts = progress.subscribe();
        let tiles = RunTiles {
            results: self.jobs.results.clone(),
            job: self.job,
            run: self.run.lease.run_name(),
            operation: self.index,
        };
        let context = OperationContext::new(stop, progress, Arc::new(tiles));
        let done = tokio::select! {
            biased;
            done = self.run_operation(&context) => done,
            failure = self.show(parts) => return Err(failure),
        };
        let took = started.elapsed();
        let outcome = match done {
            Ok(value) => OperationOutcome::Value(value),
            Err(OperationError::Failed(error)) => OperationOutcome::Error(error),
            // The token is cancelled only when the run has ended; the result is not read then.
            Err(OperationError::Cancelled) => {
                return Err(Failure::postpone(anyhow::anyhow!("stopped")));
            }
            Err(OperationError::Broken(error)) => return Err(Failure::retry(error)),
            Err(OperationError::Unavailable(error)) => return Err(Failure::postpone(error)),
            Err(OperationError::ChildLost(how)) => return Err(self.child_lost(&how).await),
        };
        self.count(&outcome, took);
        let milliseconds = Some((took.as_secs_f64() * 1e6).round() / 1e3);
        Ok(OperationResult {
            operation: self.operation.clone(),
            result: Some(outcome),
            milliseconds,
        })
    }

    async fn run_operation(&self, context: &OperationContext) -> Result<Value, OperationError> {
        if !self.run.lease.isolated {
            return self.operation.run(context).await;
        }
        isolation::run(&Request::Operation(self.operation.clone()), context).await
    }

    async fn child_lost(&self, how: &str) -> Failure {
        let failure = self.run.child_lost(self.jobs, how).await;
        let span = tracing::Span::current();
        span.record("otel.status_code", "ERROR")
            .record("otel.status_description", failure.to_string());
        failure
    }

    fn count(&self, outcome: &OperationOutcome, took: Duration) {
        let word = match outcome {
            OperationOutcome::Value(_) => operation::OK,
            OperationOutcome::Error(error) => {
                let span = tracing::Span::current();
                span.record("otel.status_code", "ERROR").record("otel.status_description", error);
                operation::ERROR
            }
        };
        let labels = [self.operation.kind().name(), word];
        self.jobs.bus.service.metrics.observe(
            &signals::OPERATION_DURATION,
            &labels,
            took.as_secs_f64(),
        );
    }

    /// Writes the progress of a long operation to the record. Returns only when the lease is lost.
    async fn show(&self, parts: watch::Receiver<f32>) -> Failure {
        let Some(own) = telemetry::current_span_ref() else { return std::future::pending().await };
        let began = self.jobs.bus.service.clock.stamp();
        let started_at_ns = self.jobs.bus.service.clock.stamp_ns();
        tokio::time::sleep(Duration::from_millis(span::STARTED_MS_MIN)).await;
        let at = |part, child_at_ns| Progress {
            operation: u32::try_from(self.index).unwrap_or(u32::MAX),
            kind: self.operation.kind(),
            part,
            span: own,
            started_at_ns,
            child_at_ns,
        };
        // The record must have this span before a child of it is exported: if this worker is lost, the
        // worker that takes over exports the parent.
        let now = || at(*parts.borrow(), started_at_ns);
        while let Err(error) = self.run.write_progress(now()).await {
            if matches!(error, SessionError::Fenced) {
                return Failure::Fenced;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        self.jobs
            .bus
            .service
            .spans
            .export(FinishedSpan::child(span::STARTED, SpanKind::Internal, own).at(began).build());
        let (mut shown, mut shown_at_ns) = (0.0, started_at_ns);
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let part = *parts.borrow();
            if part - shown < PROGRESS_STEP {
                self.run.set_progress(at(part, shown_at_ns));
                continue;
            }
            let (now, now_ns) =
                (self.jobs.bus.service.clock.stamp(), self.jobs.bus.service.clock.stamp_ns());
            // As above. If this write fails, the next check writes the progress.
            match self.run.write_progress(at(part, now_ns)).await {
                Ok(()) => {
                    (shown, shown_at_ns) = (part, now_ns);
                    self.show_part(own, part, now);
                }
                Err(SessionError::Fenced) => return Failure::Fenced,
                Err(_) => {}
            }
        }
    }

    fn show_part(&self, own: TraceParent, part: f32, now: SystemTime) {
        let span = FinishedSpan::child(span::PROGRESS, SpanKind::Internal, own)
            .at(now)
            .attribute(KeyValue::new(attr::PROGRESS, f64::from(part)));
        self.jobs.bus.service.spans.export(span.build());
    }
}
