//! The metrics of `contract::signals`: counters, gauges and histograms by the `prometheus` crate, exemplars by this one.

use std::{collections::HashMap, sync::Arc};

use contract::{
    Stage,
    signals::{Metric, MetricKind, TELEMETRY_DROPPED},
};
use opentelemetry::{
    Context,
    trace::{SpanContext, TraceContextExt as _},
};
use parking_lot::Mutex;
use prometheus::{
    GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry,
    core::Collector,
};
use tracing_appender::non_blocking::ErrorCounter;

use crate::{
    ClockOffset,
    exemplars::{Exemplar, Exemplars},
    openmetrics,
};

/// The metrics of one process. Clones share them. Label values are in the order of `contract::signals`; a wrong kind or
/// number of labels is a bug, which panics in debug builds and is ignored in release builds.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<Families>);

#[derive(Debug)]
struct Families {
    registry: Registry,
    by_name: HashMap<&'static str, (&'static Metric, Family)>,
    offset: ClockOffset,
    mirrors: Mutex<Vec<Mirror>>,
}

/// A counter kept elsewhere, copied when the metrics are read.
#[derive(Debug)]
struct Mirror {
    counter: IntCounter,
    source: ErrorCounter,
}

#[derive(Debug)]
enum Family {
    Counter(IntCounterVec),
    Gauge(GaugeVec),
    Histogram(HistogramVec, Exemplars),
}

impl Metrics {
    /// Registers `metrics`, and `process_*` on Linux. Series with known labels that `stage` reports exist from the start, at
    /// zero.
    pub fn new(metrics: &[&'static Metric], stage: Option<Stage>, offset: ClockOffset) -> Self {
        let registry = Registry::new();
        let mut by_name = HashMap::new();
        for metric in metrics {
            let family = Family::new(metric, &registry).expect("the register's names are valid");
            for row in metric.known_rows(stage) {
                family.create_series(&row);
            }
            by_name.insert(metric.name, (*metric, family));
        }
        #[cfg(target_os = "linux")]
        register(&registry, prometheus::process_collector::ProcessCollector::for_self())
            .expect("process metrics have names of their own");
        Self(Arc::new(Families { registry, by_name, offset, mirrors: Mutex::default() }))
    }

    /// Adds 1 to a counter.
    pub fn count(&self, metric: &Metric, labels: &[&str]) {
        self.add(metric, labels, 1);
    }

    /// Adds `more` to a counter.
    pub fn add(&self, metric: &Metric, labels: &[&str], more: u64) {
        match self.counter(metric, labels) {
            Some(counter) => counter.inc_by(more),
            None => misused(metric, labels),
        }
    }

    /// Sets a gauge.
    pub fn set(&self, metric: &Metric, labels: &[&str], value: f64) {
        match self.gauge(metric, labels) {
            Some(gauge) => gauge.set(value),
            None => misused(metric, labels),
        }
    }

    /// Adds `by`, which may be negative, to a gauge.
    pub fn shift(&self, metric: &Metric, labels: &[&str], by: f64) {
        match self.gauge(metric, labels) {
            Some(gauge) => gauge.add(by),
            None => misused(metric, labels),
        }
    }

    /// Observes `value` (seconds), with the current span as its exemplar if that is sampled.
    pub fn observe(&self, metric: &Metric, labels: &[&str], value: f64) {
        Context::map_current(|context| {
            self.observe_for(metric, labels, value, context.span().span_context());
        });
    }

    /// Observes `value` (seconds), with `span` as its exemplar if that is sampled.
    pub fn observe_for(&self, metric: &Metric, labels: &[&str], value: f64, span: &SpanContext) {
        let Some((known, Family::Histogram(histograms, exemplars))) =
            self.0.by_name.get(metric.name)
        else {
            return misused(metric, labels);
        };
        let Ok(histogram) = histograms.get_metric_with_label_values(labels) else {
            return misused(metric, labels);
        };
        if !value.is_finite() {
            return;
        }
        histogram.observe(value);
        if span.is_valid() && span.is_sampled() {
            let exemplar = Exemplar {
                trace_id: span.trace_id(),
                span_id: span.span_id(),
                value,
                at: self.0.offset.true_now(),
            };
            exemplars.keep(labels, known.buckets, exemplar);
        }
    }

    /// All metrics as OpenMetrics text ([`openmetrics::CONTENT_TYPE`]).
    pub fn text(&self) -> String {
        for mirror in self.0.mirrors.lock().iter() {
            let seen = u64::try_from(mirror.source.dropped_lines()).unwrap_or(u64::MAX);
            mirror.counter.inc_by(seen.saturating_sub(mirror.counter.get()));
        }
        openmetrics::encode(&self.0.registry.gather(), |name| match self.0.by_name.get(name) {
            Some((metric, Family::Histogram(_, exemplars))) => Some((*metric, exemplars)),
            _ => None,
        })
    }

    /// One series of a counter, for frequent use; `None` if `metric` is not a counter with these labels.
    pub(crate) fn counter(&self, metric: &Metric, labels: &[&str]) -> Option<IntCounter> {
        match &self.0.by_name.get(metric.name)?.1 {
            Family::Counter(counters) => counters.get_metric_with_label_values(labels).ok(),
            _ => None,
        }
    }

    /// Reports `source` as the number of dropped items of `signal`.
    pub(crate) fn mirror_dropped(&self, signal: &str, source: ErrorCounter) {
        let counter = self.counter(&TELEMETRY_DROPPED, &[signal]);
        let counter = counter.expect("the register has it");
        let mut mirrors = self.0.mirrors.lock();
        mirrors.push(Mirror { counter, source });
    }

    fn gauge(&self, metric: &Metric, labels: &[&str]) -> Option<prometheus::Gauge> {
        match &self.0.by_name.get(metric.name)?.1 {
            Family::Gauge(gauges) => gauges.get_metric_with_label_values(labels).ok(),
            _ => None,
        }
    }
}

fn misused(metric: &Metric, labels: &[&str]) {
    debug_assert!(
        false,
        "{} is a {:?} with labels {:?} of the register, not with the values {labels:?}",
        metric.name, metric.kind, metric.labels
    );
}

fn register<C: Collector + 'static>(registry: &Registry, collector: C) -> prometheus::Result<()> {
    registry.register(Box::new(collector))
}

impl Family {
    fn new(metric: &Metric, registry: &Registry) -> prometheus::Result<Self> {
        let labels: Vec<&str> = metric.labels.iter().map(|label| label.name).collect();
        let options = Opts::new(metric.name, metric.help);
        Ok(match metric.kind {
            MetricKind::Counter => {
                let counters = IntCounterVec::new(options, &labels)?;
                register(registry, counters.clone())?;
                Self::Counter(counters)
            }
            MetricKind::Gauge => {
                let gauges = GaugeVec::new(options, &labels)?;
                register(registry, gauges.clone())?;
                Self::Gauge(gauges)
            }
            MetricKind::Histogram => {
                let options = HistogramOpts::from(options).buckets(metric.buckets.to_vec());
                let histograms = HistogramVec::new(options, &labels)?;
                register(registry, histograms.clone())?;
                Self::Histogram(histograms, Exemplars::default())
            }
        })
    }

    /// Creates a series with the value zero.
    fn create_series(&self, labels: &[&str]) {
        match self {
            Self::Counter(counters) => drop(counters.with_label_values(labels)),
            Self::Gauge(gauges) => drop(gauges.with_label_values(labels)),
            Self::Histogram(histograms, _) => drop(histograms.with_label_values(labels)),
        }
    }
}
