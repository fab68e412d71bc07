//! The standard `OTEL_…` variables, as in the specification: an empty one counts as not set, and one with an unusable value is
//! ignored with a warning.
//!
//! Only `true` enables something: the specification allows no other value for its own variables.

use std::{collections::HashMap, ffi::OsString, fmt, time::Duration};

use clap::{Arg, ArgMatches, Command, FromArgMatches, error::ErrorKind, value_parser};
use opentelemetry_sdk::trace::Sampler;

use crate::config::Batching;
use crate::otel_variables::{OtelVariable, VARIABLES};

/// Time between two batches of spans; a killed process loses those of at most this time.
const SPAN_DELAY: Duration = Duration::from_millis(250);
/// Time between two batches of log records.
const LOG_DELAY: Duration = Duration::from_millis(400);
/// Maximum number of spans in memory; further ones are dropped and counted.
const SPANS_MAX: usize = 8_192;
/// Maximum number of log records in memory; further ones are dropped and counted.
const LOGS_MAX: usize = 4_096;
/// Timeout of one batch, retries included; then it is dropped and counted.
const EXPORT_TIME_MAX: Duration = Duration::from_secs(2);

/// Default endpoint of the specification.
const ENDPOINT: &str = "http://localhost:4317";

/// A variable with an unusable value: its name, and what the value must be.
pub(crate) type UnusableVariable = (&'static str, &'static str);

/// The variables that are set, without the empty ones.
#[derive(Clone, Default)]
pub(crate) struct OtelVariables(HashMap<&'static str, String>);

impl OtelVariables {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The variable for this signal, else the one for all signals.
    fn of_signal(&self, signal: &str, what: &str) -> Option<&str> {
        self.get(&format!("OTEL_EXPORTER_OTLP_{signal}_{what}"))
            .or_else(|| self.get(&format!("OTEL_EXPORTER_OTLP_{what}")))
    }

    /// Endpoint for spans.
    pub(crate) fn spans_endpoint(&self) -> &str {
        self.of_signal("TRACES", "ENDPOINT").unwrap_or(ENDPOINT)
    }

    /// Endpoint for log records.
    pub(crate) fn logs_endpoint(&self) -> &str {
        self.of_signal("LOGS", "ENDPOINT").unwrap_or(ENDPOINT)
    }

    pub(crate) fn is_disabled(&self) -> bool {
        self.get("OTEL_SDK_DISABLED").is_some_and(is_true)
    }

    /// Whether spans are exported.
    pub(crate) fn exports_spans(&self) -> bool {
        !self.get("OTEL_TRACES_EXPORTER").is_some_and(is_none)
    }

    /// Whether log records are exported.
    pub(crate) fn exports_logs(&self) -> bool {
        !self.get("OTEL_LOGS_EXPORTER").is_some_and(is_none)
    }

    pub(crate) fn service_name(&self) -> Option<&str> {
        self.get("OTEL_SERVICE_NAME")
    }

    pub(crate) fn resource_attributes(&self) -> &str {
        self.get("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default()
    }

    /// Whether headers carry the trace context, and whether they carry baggage.
    pub(crate) fn propagators(&self) -> (bool, bool) {
        let Some(names) = self.get("OTEL_PROPAGATORS") else { return (true, true) };
        let has =
            |wanted: &str| names.split(',').any(|name| name.trim().eq_ignore_ascii_case(wanted));
        match (has("tracecontext"), has("baggage")) {
            // No supported propagator, and not `none`.
            (false, false) if !has("none") => (true, true),
            known => known,
        }
    }

    pub(crate) fn sampler(&self) -> Sampler {
        let always_on = || Sampler::ParentBased(Box::new(Sampler::AlwaysOn));
        let ratio = || {
            let ratio = self.get("OTEL_TRACES_SAMPLER_ARG").and_then(|text| text.parse().ok());
            Sampler::TraceIdRatioBased(ratio.filter(|ratio| is_ratio(*ratio)).unwrap_or(1.0))
        };
        let Some(name) = self.get("OTEL_TRACES_SAMPLER") else { return always_on() };
        match name.to_ascii_lowercase().as_str() {
            "always_on" => Sampler::AlwaysOn,
            "always_off" => Sampler::AlwaysOff,
            "traceidratio" => ratio(),
            "parentbased_always_off" => Sampler::ParentBased(Box::new(Sampler::AlwaysOff)),
            "parentbased_traceidratio" => Sampler::ParentBased(Box::new(ratio())),
            _ => always_on(),
        }
    }

    pub(crate) fn spans(&self) -> Batching {
        Batching {
            limit: self.limit("OTEL_BSP_MAX_QUEUE_SIZE", SPANS_MAX),
            delay: self.milliseconds("OTEL_BSP_SCHEDULE_DELAY").unwrap_or(SPAN_DELAY),
            export_time_max: self.export_time_max("TRACES"),
        }
    }

    pub(crate) fn logs(&self) -> Batching {
        Batching {
            limit: self.limit("OTEL_BLRP_MAX_QUEUE_SIZE", LOGS_MAX),
            delay: self.milliseconds("OTEL_BLRP_SCHEDULE_DELAY").unwrap_or(LOG_DELAY),
            export_time_max: self.export_time_max("LOGS"),
        }
    }

    fn export_time_max(&self, signal: &str) -> Duration {
        let own = self.milliseconds(&format!("OTEL_EXPORTER_OTLP_{signal}_TIMEOUT"));
        own.or_else(|| self.milliseconds("OTEL_EXPORTER_OTLP_TIMEOUT")).unwrap_or(EXPORT_TIME_MAX)
    }

    fn limit(&self, name: &str, default: usize) -> usize {
        let limit = self.get(name).and_then(number);
        limit.map_or(default, |limit| usize::try_from(limit).unwrap_or(default))
    }

    fn milliseconds(&self, name: &str) -> Option<Duration> {
        self.get(name).and_then(number).map(Duration::from_millis)
    }

    /// Every variable with an unusable value.
    pub(crate) fn unusable_variables(&self) -> Vec<UnusableVariable> {
        let unusable = |OtelVariable { name, .. }: &OtelVariable| {
            let (fits, must) = rule(name)?;
            self.get(name).filter(|value| !fits(value)).map(|_| (*name, must))
        };
        VARIABLES.iter().filter_map(unusable).collect()
    }

    /// Fails on an unusable endpoint: telemetry must not be sent to another one silently.
    fn check_endpoints(&self) -> Result<(), String> {
        for (signal, name) in [
            ("TRACES", "OTEL_EXPORTER_OTLP_ENDPOINT"),
            ("TRACES", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
            ("LOGS", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"),
        ] {
            let Some(endpoint) = self.get(name) else { continue };
            let insecure = self.of_signal(signal, "INSECURE").is_some_and(is_true);
            let has_scheme = endpoint.contains("://");
            settings::otlp_endpoint(endpoint)
                .and_then(|_| {
                    let must =
                        "must begin with http:// (or OTEL_EXPORTER_OTLP_INSECURE must be true)";
                    if has_scheme || insecure { Ok(()) } else { Err(must.to_owned()) }
                })
                .map_err(|must| {
                    format!("{name}: {must}, got \"{}\"", settings::without_user(endpoint))
                })?;
        }
        Ok(())
    }
}

/// Whether a value is allowed, and what it must be.
type Rule = (fn(&str) -> bool, &'static str);

/// The rule for a variable; `None` if any value is allowed.
fn rule(name: &str) -> Option<Rule> {
    let rule: Rule = match name {
        "OTEL_SDK_DISABLED" => (is_boolean, "must be true or false"),
        "OTEL_TRACES_SAMPLER" => (
            is_sampler,
            "must be always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off or parentbased_traceidratio",
        ),
        "OTEL_TRACES_SAMPLER_ARG" => (is_ratio_text, "must be a number from 0 to 1"),
        "OTEL_PROPAGATORS" => (are_propagators, "may hold tracecontext, baggage or none"),
        "OTEL_TRACES_EXPORTER" | "OTEL_LOGS_EXPORTER" => (is_exporter, "must be otlp or none"),
        _ if name.ends_with("_PROTOCOL") => {
            (is_grpc, "must be grpc: OTLP leaves this process by gRPC")
        }
        _ if name.ends_with("_COMPRESSION") => (is_compression, "must be gzip or none"),
        _ if name.ends_with("_INSECURE") => (is_boolean, "must be true or false"),
        _ if name.ends_with("_COUNT_LIMIT") => (is_whole, "must be a whole number"),
        _ if name.ends_with("_TIMEOUT") || name.ends_with("_DELAY") || name.ends_with("_SIZE") => {
            (|text| number(text).is_some(), "must be a whole number above 0")
        }
        _ => return None,
    };
    Some(rule)
}

fn is_true(text: &str) -> bool {
    text.eq_ignore_ascii_case("true")
}

fn is_boolean(text: &str) -> bool {
    is_true(text) || text.eq_ignore_ascii_case("false")
}

fn is_none(text: &str) -> bool {
    text.eq_ignore_ascii_case("none")
}

fn is_exporter(text: &str) -> bool {
    is_none(text) || text.eq_ignore_ascii_case("otlp")
}

fn is_compression(text: &str) -> bool {
    is_none(text) || text.eq_ignore_ascii_case("gzip")
}

fn is_grpc(text: &str) -> bool {
    text.eq_ignore_ascii_case("grpc")
}

fn is_sampler(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let bare = text.strip_prefix("parentbased_").unwrap_or(&text);
    matches!(bare, "always_on" | "always_off" | "traceidratio")
}

fn is_ratio(ratio: f64) -> bool {
    (0.0..=1.0).contains(&ratio)
}

fn is_ratio_text(text: &str) -> bool {
    text.parse().is_ok_and(is_ratio)
}

fn are_propagators(text: &str) -> bool {
    text.split(',').all(|name| {
        matches!(name.trim().to_ascii_lowercase().as_str(), "tracecontext" | "baggage" | "none")
    })
}

fn is_whole(text: &str) -> bool {
    text.parse::<u32>().is_ok()
}

fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number| *number > 0)
}

impl clap::Args for OtelVariables {
    fn augment_args(command: Command) -> Command {
        let arg = |OtelVariable { name, help, is_secret }: &OtelVariable| {
            // Environment variable only: clap requires a flag, which is hidden.
            let arg = Arg::new(*name).long(*name).env(name).help(help);
            let arg = arg.hide_env_values(*is_secret).hide(true);
            if name.ends_with("_ENDPOINT") {
                arg.value_parser(|text: &str| settings::otlp_endpoint(text).map(OsString::from))
            } else {
                arg.value_parser(value_parser!(OsString))
            }
        };
        command.args(VARIABLES.iter().map(arg))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for OtelVariables {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let value = |name: &'static str| {
            let value = matches.get_one::<OsString>(name)?.to_str()?.trim();
            (!value.is_empty()).then(|| (name, value.to_owned()))
        };
        let variables =
            Self(VARIABLES.iter().filter_map(|variable| value(variable.name)).collect());
        let checked = variables.check_endpoints();
        checked
            .map_err(|text| clap::Error::raw(ErrorKind::ValueValidation, format!("{text}\n")))?;
        Ok(variables)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl fmt::Debug for OtelVariables {
    /// Prints names only: some values are secrets.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(set: &[(&'static str, &str)]) -> OtelVariables {
        OtelVariables(set.iter().map(|(name, value)| (*name, (*value).to_owned())).collect())
    }

    #[test]
    fn variables_with_unusable_values_are_reported_and_others_are_not() {
        let odd = [
            ("OTEL_SDK_DISABLED", "1"),
            ("OTEL_TRACES_SAMPLER", "xray"),
            ("OTEL_TRACES_SAMPLER_ARG", "2"),
            ("OTEL_PROPAGATORS", "b3,baggage"),
            ("OTEL_TRACES_EXPORTER", "zipkin"),
            ("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "brotli"),
            ("OTEL_BSP_SCHEDULE_DELAY", "soon"),
            ("OTEL_SPAN_LINK_COUNT_LIMIT", "many"),
        ];
        let mut expected = odd.map(|(name, _)| name).to_vec();
        let mut named: Vec<_> =
            variables(&odd).unusable_variables().iter().map(|(name, _)| *name).collect();
        expected.sort_unstable();
        named.sort_unstable();
        assert_eq!(named, expected);
        let legal = [
            ("OTEL_SDK_DISABLED", "FALSE"),
            ("OTEL_TRACES_SAMPLER", "ParentBased_TraceIdRatio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
            ("OTEL_PROPAGATORS", "tracecontext, baggage"),
            ("OTEL_LOGS_EXPORTER", "OTLP"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_SERVICE_NAME", "anything at all"),
        ];
        assert_eq!(variables(&legal).unusable_variables(), []);
    }

    #[test]
    fn samplers_and_propagators_are_those_of_the_specification() {
        let sampler = |name, arg| {
            let set = [("OTEL_TRACES_SAMPLER", name), ("OTEL_TRACES_SAMPLER_ARG", arg)];
            format!("{:?}", variables(&set).sampler())
        };
        assert_eq!(sampler("ALWAYS_OFF", ""), "AlwaysOff");
        assert_eq!(sampler("traceidratio", "0.5"), "TraceIdRatioBased(0.5)");
        assert_eq!(sampler("traceidratio", "9"), "TraceIdRatioBased(1.0)");
        assert_eq!(sampler("xray", "0.5"), "ParentBased(AlwaysOn)");
        let propagators = |names| variables(&[("OTEL_PROPAGATORS", names)]).propagators();
        assert_eq!(propagators("tracecontext"), (true, false));
        assert_eq!(propagators("none"), (false, false));
        assert_eq!(propagators("b3"), (true, true), "unknown ones count as not set");
        assert_eq!(OtelVariables::default().propagators(), (true, true));
    }

    #[test]
    fn an_unusable_endpoint_is_an_error_with_its_name_and_without_its_password() {
        let endpoint = |name, value| variables(&[(name, value)]).check_endpoints();
        for wrong in ["junk", "https://c:4317", "ftp://c", "http://", "c:4317"] {
            for name in ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"] {
                let error = endpoint(name, wrong).unwrap_err();
                assert!(error.starts_with(&format!("{name}: must ")), "{error}");
            }
        }
        let error = endpoint("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://me:hunter2@c").unwrap_err();
        assert!(!error.contains("hunter2"), "{error}");
        assert_eq!(endpoint("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c:4317"), Ok(()));
        let insecure =
            [("OTEL_EXPORTER_OTLP_ENDPOINT", "c:4317"), ("OTEL_EXPORTER_OTLP_INSECURE", "true")];
        assert_eq!(variables(&insecure).check_endpoints(), Ok(()));
    }
}
