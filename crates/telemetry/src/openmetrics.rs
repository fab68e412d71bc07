//! Encodes metrics as OpenMetrics 1.0 text with exemplars, which the `prometheus` crate's own encoder does not support.

use std::fmt::Write as _;

use contract::signals::Metric;
use prometheus::proto::{self, MetricFamily, MetricType};

use crate::exemplars::{Exemplar, Exemplars};

/// The media type of the text; scrapers accept exemplars only with this one.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The unit suffixes of family names.
const UNITS: [&str; 2] = ["seconds", "bytes"];

type Known<'a> = (&'static Metric, &'a Exemplars);

/// Encodes the families; `known` returns a registered histogram and its exemplars by name.
pub(crate) fn encode<'a>(
    families: &[MetricFamily],
    known: impl Fn(&str) -> Option<Known<'a>>,
) -> String {
    let mut text = String::new();
    for family in families {
        head(&mut text, family);
        for metric in family.get_metric() {
            match family.get_field_type() {
                MetricType::HISTOGRAM => {
                    histogram(&mut text, family.name(), metric, known(family.name()));
                }
                MetricType::COUNTER => {
                    let name = format!("{}_total", counter_name(family.name()));
                    sample(&mut text, &name, metric, None, metric.get_counter().get_value());
                }
                _ => {
                    let value = metric.get_gauge().get_value();
                    sample(&mut text, family.name(), metric, None, value);
                }
            }
        }
    }
    text.push_str("# EOF\n");
    text
}

fn counter_name(name: &str) -> &str {
    name.strip_suffix("_total").unwrap_or(name)
}

fn head(text: &mut String, family: &MetricFamily) {
    let (name, kind) = match family.get_field_type() {
        MetricType::HISTOGRAM => (family.name(), "histogram"),
        MetricType::COUNTER => (counter_name(family.name()), "counter"),
        _ => (family.name(), "gauge"),
    };
    let _ = writeln!(text, "# TYPE {name} {kind}");
    for unit in UNITS {
        if name.strip_suffix(unit).is_some_and(|rest| rest.ends_with('_')) {
            let _ = writeln!(text, "# UNIT {name} {unit}");
        }
    }
    let _ = writeln!(text, "# HELP {name} {}", escaped(family.help()));
}

fn histogram(text: &mut String, name: &str, metric: &proto::Metric, known: Option<Known<'_>>) {
    let exemplars = known.map_or_else(Box::default, |(known, exemplars)| {
        exemplars.of(&in_register_order(known, metric))
    });
    let histogram = metric.get_histogram();
    let buckets = histogram.get_bucket().iter();
    let buckets = buckets.map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()));
    let all = (f64::INFINITY, histogram.get_sample_count());
    let bucket_name = format!("{name}_bucket");
    for (at, (bound, count)) in buckets.chain([all]).enumerate() {
        labelled(text, &bucket_name, metric, Some(bound));
        let _ = write!(text, " {count}");
        if let Some(Some(exemplar)) = exemplars.get(at) {
            write_exemplar(text, exemplar);
        }
        text.push('\n');
    }
    sample(text, &format!("{name}_sum"), metric, None, histogram.get_sample_sum());
    labelled(text, &format!("{name}_count"), metric, None);
    let _ = writeln!(text, " {}", histogram.get_sample_count());
}

/// Label values in the order of `contract::signals`, by which exemplars are stored; `prometheus` sorts them by name.
fn in_register_order<'a>(known: &Metric, metric: &'a proto::Metric) -> Vec<&'a str> {
    let value = |name| {
        let pairs = metric.get_label().iter();
        let mut values = pairs.filter(|pair| pair.name() == name);
        values.next().map_or("", |pair| pair.value())
    };
    known.labels.iter().map(|label| value(label.name)).collect()
}

fn write_exemplar(text: &mut String, exemplar: &Exemplar) {
    let since_epoch = exemplar.at.duration_since(std::time::UNIX_EPOCH);
    let _ = write!(
        text,
        " # {{trace_id=\"{}\",span_id=\"{}\"}} {} {:.3}",
        exemplar.trace_id,
        exemplar.span_id,
        number(exemplar.value),
        since_epoch.unwrap_or_default().as_secs_f64()
    );
}

fn sample(text: &mut String, name: &str, metric: &proto::Metric, le: Option<f64>, value: f64) {
    labelled(text, name, metric, le);
    let _ = writeln!(text, " {}", number(value));
}

fn labelled(text: &mut String, name: &str, metric: &proto::Metric, le: Option<f64>) {
    text.push_str(name);
    let mut next = '{';
    for pair in metric.get_label() {
        let _ = write!(text, "{next}{}=\"{}\"", pair.name(), escaped(pair.value()));
        next = ',';
    }
    if let Some(le) = le {
        let _ = write!(text, "{next}le=\"{}\"", number(le));
        next = ',';
    }
    if next == ',' {
        text.push('}');
    }
}

fn escaped(value: &str) -> std::borrow::Cow<'_, str> {
    if value.contains(['\\', '"', '\n']) {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"");
        return value.replace('\n', "\\n").into();
    }
    value.into()
}

/// Formats a number for OpenMetrics: whole numbers as `1.0`, and `NaN`, `+Inf`, `-Inf`.
fn number(value: f64) -> String {
    if value.is_finite() {
        return format!("{value:?}");
    }
    let word = if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "+Inf"
    } else {
        "-Inf"
    };
    word.to_owned()
}
