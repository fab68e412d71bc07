//! OpenMetrics 1.0 text: what the lab's services serve at `/metrics`, and no more.
//!
//! Counters, gauges and histograms with exemplars are read; other kinds are checked and skipped. The crates
//! that read this format either drop the exemplars or may not be part of a released program.

mod family;
mod line;
mod parse;

pub use family::{Exemplar, FamilyKind, Labels, MetricFamily, MetricSample};
pub use line::number;
pub use parse::NotOpenMetrics;

use line::SampleLine;

/// All metrics of one response.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Exposition {
    /// The families, in the order of the text.
    pub families: Vec<MetricFamily>,
}

impl Exposition {
    /// Parses a whole response. It must end with `# EOF`: a part of a response is an error.
    pub fn parse(text: &str) -> Result<Self, NotOpenMetrics> {
        parse::families(text).map(|families| Self { families })
    }

    /// The samples with this name, such as `waybill_attempts_total`.
    pub fn samples(&self, name: &str) -> impl Iterator<Item = &MetricSample> {
        let suffix = |family: &MetricFamily| name.strip_prefix(family.name.as_str());
        let families =
            self.families.iter().filter_map(move |family| Some((family, suffix(family)?)));
        families.flat_map(|(family, suffix)| {
            family.samples.iter().filter(move |sample| sample.suffix == suffix)
        })
    }

    /// The value of one series, written as in the text: `name{label="value"}`, labels in any order.
    pub fn value(&self, series: &str) -> Option<f64> {
        let line = format!("{series} 0");
        let SampleLine { name, labels: wanted, .. } = SampleLine::read(&line).ok()?;
        let is_it = |sample: &&MetricSample| {
            sample.labels.len() == wanted.len()
                && wanted.iter().all(|label| sample.labels.contains(label))
        };
        Some(self.samples(name).find(is_it)?.value)
    }

    /// The sum of the samples with this name; 0 without any.
    pub fn sum(&self, name: &str) -> f64 {
        total(self.samples(name))
    }

    /// The sum of the samples with this name that have a label with this value; 0 without any.
    pub fn sum_with(&self, name: &str, label_value: &str) -> f64 {
        let has =
            |sample: &&MetricSample| sample.labels.iter().any(|(_, value)| value == label_value);
        total(self.samples(name).filter(has))
    }
}

fn total<'a>(samples: impl Iterator<Item = &'a MetricSample>) -> f64 {
    // Not `sum`, which returns -0.0 for an empty iterator.
    samples.fold(0.0, |sum, sample| sum + sample.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# TYPE a counter\n\
        a_total{stage=\"s\",reason=\"x\"} 4 # {trace_id=\"1\"} 1\na_total{reason=\"x\"} 3.0\na_total{reason=\"y\"} 9\n\
        # TYPE a_total_b gauge\na_total_b{reason=\"x\"} 1\n# TYPE b gauge\nb 2\n# EOF\n";

    #[test]
    fn series_are_added_up_by_a_label_value() {
        let metrics = Exposition::parse(TEXT).unwrap();
        assert_eq!(metrics.sum_with("a_total", "x").to_string(), "7");
        assert_eq!(metrics.sum_with("a_total", "z").to_string(), "0");
        assert_eq!(metrics.sum("a_total").to_string(), "16");
        assert_eq!(metrics.samples("a").count(), 0, "a counter's samples end with _total");
    }

    #[test]
    fn a_series_is_found_with_its_labels_in_any_order() {
        let metrics = Exposition::parse(TEXT).unwrap();
        assert_eq!(metrics.value("a_total{reason=\"x\",stage=\"s\"}"), Some(4.0));
        assert_eq!(
            (metrics.value("a_total{reason=\"x\"}"), metrics.value("b")),
            (Some(3.0), Some(2.0))
        );
        assert_eq!((metrics.value("a_total"), metrics.value("not a series")), (None, None));
    }
}
