//! Families of metrics and their samples.

/// What kind of numbers a family has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FamilyKind {
    /// A sum that only grows.
    Counter,
    /// A number that goes up and down.
    Gauge,
    /// Observations, counted in buckets.
    Histogram,
    /// A kind whose samples are skipped.
    Other,
}

/// A family of series.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricFamily {
    /// As it is declared: a counter's without `_total`.
    pub name: String,
    /// The metric family's declared type.
    pub kind: FamilyKind,
    /// The metric family's declared unit; empty without one.
    pub unit: String,
    /// The metric family's description; empty without one.
    pub help: String,
    /// The metric family's samples, in the order of the text.
    pub samples: Vec<MetricSample>,
}

/// One line with a value.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricSample {
    /// What follows the family's name, such as `_bucket`.
    pub suffix: &'static str,
    /// The sample's labels.
    pub labels: Labels,
    /// The sample's value.
    pub value: f64,
    /// The sample's exemplar, if it has one.
    pub exemplar: Option<Exemplar>,
}

/// An observation and its labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar {
    /// The exemplar's labels, such as a trace id.
    pub labels: Labels,
    /// The observed value.
    pub value: f64,
    /// Unix seconds, if it has a time.
    pub at: Option<f64>,
}

/// Names and values, in the order of the text.
pub type Labels = Vec<(String, String)>;

impl FamilyKind {
    pub(super) fn named(word: &str) -> Result<Self, &'static str> {
        match word {
            "counter" => Ok(Self::Counter),
            "gauge" => Ok(Self::Gauge),
            "histogram" => Ok(Self::Histogram),
            "unknown" | "summary" | "info" | "stateset" | "gaugehistogram" => Ok(Self::Other),
            _ => Err("a type is unknown to OpenMetrics"),
        }
    }

    /// What may follow the family's name in a sample's.
    pub(super) fn suffixes(self) -> &'static [&'static str] {
        match self {
            Self::Counter => &["_total", "_created"],
            Self::Gauge => &[""],
            Self::Histogram => &["_bucket", "_sum", "_count", "_created"],
            Self::Other => &[],
        }
    }
}
