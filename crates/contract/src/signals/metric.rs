//! The type of a metric: name, labels, buckets, and the series that exist, at zero, from the start.

use crate::{Stage, topology};

/// The type of a metric in Prometheus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only rises; its name ends in `_total`.
    Counter,
    /// Rises and falls.
    Gauge,
    /// Counts observations by size and carries exemplars.
    Histogram,
}

/// A metric, in base units (seconds, bytes).
#[derive(Debug, PartialEq)]
pub struct Metric {
    /// The metric's full name, as it is scraped.
    pub name: &'static str,
    /// The metric's kind.
    pub kind: MetricKind,
    /// The metric's help text, one sentence.
    pub help: &'static str,
    /// The metric's labels, in the order in which values are given.
    pub labels: &'static [Label],
    /// Upper bounds of a histogram's buckets, rising, without infinity; empty for other kinds.
    pub buckets: &'static [f64],
    /// The processes that report it.
    pub reported_by: ReportedBy,
}

/// A label and its known values. Never an id, never a word from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label {
    /// The label's name.
    pub name: &'static str,
    /// All values it can have; empty if they are few but not known beforehand.
    pub values: &'static [&'static str],
}

/// The processes that report a metric, and so show its known series from the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportedBy {
    /// Every process of the lab.
    Everyone,
    /// The console, which is no stage.
    Console,
    /// The services of these stages.
    Stages(&'static [Stage]),
}

impl Metric {
    /// The label values of every series that a process reports at zero from the start, in the order of
    /// [`Metric::labels`]. `stage` is that of the process, if it has one: labels `stage` and `consumer` have only the
    /// values that this stage can report. A metric of other processes has no rows.
    pub fn known_rows(&self, stage: Option<Stage>) -> Vec<Vec<&'static str>> {
        let reported = match self.reported_by {
            ReportedBy::Everyone => true,
            ReportedBy::Console => stage.is_none(),
            ReportedBy::Stages(stages) => stage.is_some_and(|stage| stages.contains(&stage)),
        };
        if !reported {
            return Vec::new();
        }
        let mut rows = vec![Vec::new()];
        for label in self.labels {
            rows = rows
                .into_iter()
                .flat_map(|row: Vec<&'static str>| {
                    label.values.iter().map(move |value| [row.as_slice(), &[*value]].concat())
                })
                .collect();
        }
        rows.retain(|row| self.can_report(stage, row));
        rows
    }

    fn can_report(&self, stage: Option<Stage>, row: &[&str]) -> bool {
        let value = |name| {
            let at = self.labels.iter().position(|label| label.name == name);
            at.map(|at| row[at])
        };
        let own = value("stage").is_none_or(|value| stage.is_some_and(|own| own.name() == value));
        let pair = match (value("stream"), value("consumer")) {
            (Some(stream), Some(consumer)) => is_consumed(stage, stream, consumer),
            _ => true,
        };
        own && pair
    }
}

/// The gateway watches all queues; a consumer reports only its own.
fn is_consumed(stage: Option<Stage>, stream: &str, consumer: &str) -> bool {
    let watches_all = stage == Some(Stage::Gateway);
    let dead = stream == topology::DEAD.name && consumer == super::NO_CONSUMER;
    topology::CONSUMERS.iter().any(|one| {
        let same = one.stream.name == stream && one.stage.name() == consumer;
        same && (watches_all || stage == Some(one.stage))
    }) || (watches_all && dead)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::signals::{
        ATTEMPTS, EVENTS_DISCARDED, JOBS, MESSAGES_RECEIVED, METRICS, NO_CONSUMER, QUEUE_DEPTH,
        TELEMETRY_DROPPED, attr, reason,
    };

    fn is_name(name: &str) -> bool {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    }

    #[test]
    fn names_show_the_kind_and_are_unique() {
        let names: HashSet<_> = METRICS.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), METRICS.len());
        for metric in METRICS {
            let is_counter = metric.kind == MetricKind::Counter;
            assert_eq!(metric.name.ends_with("_total"), is_counter, "{}", metric.name);
            assert_eq!(
                !metric.buckets.is_empty(),
                metric.kind == MetricKind::Histogram,
                "{}",
                metric.name
            );
            assert!(metric.buckets.is_sorted_by(|low, high| low < high), "{}", metric.name);
            assert!(is_name(metric.name) && metric.labels.iter().all(|label| is_name(label.name)));
            assert!(metric.help.ends_with('.') && !metric.help.contains('\n'), "{}", metric.help);
        }
        let attributes: HashSet<_> = attr::ALL.iter().collect();
        assert_eq!(attributes.len(), attr::ALL.len());
    }

    #[test]
    fn label_values_are_valid_and_unique() {
        for label in METRICS.iter().flat_map(|metric| metric.labels) {
            let values: HashSet<_> = label.values.iter().collect();
            assert_eq!(values.len(), label.values.len(), "{}", label.name);
            assert!(
                values
                    .iter()
                    .all(|value| value.chars().all(|c| c.is_ascii_alphabetic() || c == '_'))
            );
        }
    }

    #[test]
    fn a_process_reports_only_its_own_series() {
        let processor = Some(Stage::Processor);
        assert!(ATTEMPTS.known_rows(processor).iter().all(|row| row[0] == "processor"));
        assert_eq!(ATTEMPTS.known_rows(processor).len(), crate::verdict::Verdict::ALL.len());
        assert_eq!(MESSAGES_RECEIVED.known_rows(processor), [["TODO", "processor"]]);
        assert!(
            JOBS.known_rows(processor).is_empty() && EVENTS_DISCARDED.known_rows(None).is_empty()
        );
        let depths = QUEUE_DEPTH.known_rows(Some(Stage::Gateway));
        let expected = [
            ["SUBMITTED", "ingester"],
            ["TODO", "processor"],
            ["DONE", "notifier"],
            ["DEAD", NO_CONSUMER],
        ];
        assert_eq!(depths, expected);
        assert_eq!(TELEMETRY_DROPPED.known_rows(None).len(), 4, "the console reports it too");
        let discards = EVENTS_DISCARDED.known_rows(Some(Stage::Ingester));
        assert!(discards.contains(&vec![reason::UNKNOWN_SOURCE]));
    }
}
