//! Applies the user's environment variables to the parts of an embedded lab: they override the lab's settings, are
//! ignored, or are refused by name.

use std::{fmt, net::SocketAddr};

use percent_encoding::percent_decode_str;

use super::{EmbeddedOptions, plan};

/// The source of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingOrigin {
    /// The `waybill up` flag with this id: its value, its variable, or its default.
    Up(&'static str),
    /// The lab itself, such as the addresses of other parts.
    Lab,
}

/// A setting that the lab sets for a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Name of the variable.
    pub name: &'static str,
    /// Value of the variable.
    pub value: String,
    /// Source of the value.
    pub origin: SettingOrigin,
}

/// A variable of the user that is not passed to the parts, or only in part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoredVariable {
    /// Name of the variable.
    pub name: &'static str,
    /// The value for the parts; empty if they do not get the variable.
    pub rest: String,
    /// The reason, as the end of a sentence that starts with the name.
    pub why: String,
}

/// Variables of the user that cannot apply to a whole lab: one line each, with what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedVariables(pub Vec<String>);

impl fmt::Display for RefusedVariables {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for RefusedVariables {}

/// Resource attributes that identify one process.
const PROCESS_ATTRIBUTES: [&str; 2] = ["service.name", "service.instance.id"];

impl EmbeddedOptions {
    /// The value of a variable of the user; an empty one counts as not set.
    pub(super) fn user(&self, name: &str) -> Option<&str> {
        let found = self.user.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// Refuses variables of the user that would make parts of the lab inconsistent, unless their value is the lab's own.
    pub fn check_environment(&self) -> Result<(), RefusedVariables> {
        let ports = self.ports;
        let public = |port| SocketAddr::new(self.public, port).to_string();
        let local = |port| plan::local(port).to_string();
        let moves = "--port-base moves all ports together";
        let rows = [
            (
                "WAYBILL_NATS_URL",
                Some(plan::nats_url(self)),
                "a lab has a broker of its own, and --port-base moves it",
            ),
            (
                "WAYBILL_GATEWAY_URL",
                Some(plan::gateway_url(self)),
                "a lab has a gateway of its own, and --port-base moves it",
            ),
            (
                "WAYBILL_GATEWAY_BIND",
                Some(public(ports.gateway)),
                "--port-base moves all ports together, --bind opens them to others",
            ),
            (
                "WAYBILL_CONSOLE_BIND",
                Some(public(ports.console)),
                "--port-base moves all ports together, --bind opens them to others",
            ),
            ("WAYBILL_OTLP_GRPC_BIND", Some(local(ports.otlp_grpc)), moves),
            ("WAYBILL_OTLP_HTTP_BIND", Some(local(ports.otlp_http)), moves),
            (
                "WAYBILL_ADMIN_BIND",
                None,
                "the variable is the address of one process; --port-base moves all ports together",
            ),
            (
                "WAYBILL_SPAN_JOURNAL",
                None,
                "the variable is the file of one process; --data-dir sets where a lab keeps its files",
            ),
            (
                "WAYBILL_INSTANCE",
                None,
                "the variable is the name of one process, and a lab has several",
            ),
            ("WAYBILL_REPLICAS", Some("1".to_owned()), "a lab of one broker keeps one copy"),
        ];
        let refused = rows.into_iter().filter_map(|(name, holds, why)| {
            let value = self.user(name)?;
            if holds.as_deref().is_some_and(|holds| is_same(holds, value)) {
                return None;
            }
            let shown = settings::without_user(value);
            let must = holds.map_or_else(String::new, |holds| format!("must be {holds} here, "));
            Some(format!("{name}: {must}got \"{shown}\": unset it; {why}"))
        });
        let refused: Vec<String> = refused.collect();
        if refused.is_empty() { Ok(()) } else { Err(RefusedVariables(refused)) }
    }

    /// Variables of the user that identify one process, and are therefore not passed to any part.
    pub fn ignored_variables(&self) -> Vec<IgnoredVariable> {
        let name = self.user("OTEL_SERVICE_NAME").map(|_| IgnoredVariable {
            name: "OTEL_SERVICE_NAME",
            rest: String::new(),
            why: "is set aside: it names one service, and a lab has four under their own names"
                .to_owned(),
        });
        name.into_iter().chain(self.resource_attributes()).collect()
    }

    fn resource_attributes(&self) -> Option<IgnoredVariable> {
        const NAME: &str = "OTEL_RESOURCE_ATTRIBUTES";
        let names_a_process = |pair: &&str| {
            let key = pair.split('=').next().unwrap_or_default().trim();
            PROCESS_ATTRIBUTES.contains(&&*percent_decode_str(key).decode_utf8_lossy())
        };
        let (own, rest): (Vec<&str>, Vec<&str>) =
            self.user(NAME)?.split(',').partition(names_a_process);
        let why = format!("loses {}: that is one process's, and a lab has several", own.join(", "));
        (!own.is_empty()).then(|| IgnoredVariable { name: NAME, rest: rest.join(","), why })
    }
}

/// Whether two settings are equivalent, apart from a trailing slash and `localhost`.
fn is_same(one: &str, other: &str) -> bool {
    let plain = |text: &str| text.trim_end_matches('/').replace("://localhost:", "://127.0.0.1:");
    plain(one) == plain(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(user: &[(&str, &str)]) -> EmbeddedOptions {
        let user = user.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        EmbeddedOptions { user: user.collect(), ..EmbeddedOptions::new("waybill".into()) }
    }

    #[test]
    fn a_variable_that_conflicts_with_the_lab_is_refused_by_name() {
        for (name, value) in [
            ("WAYBILL_NATS_URL", "nats://me:hunter2@127.0.0.1:9"),
            ("WAYBILL_GATEWAY_URL", "http://127.0.0.1:9"),
            ("WAYBILL_GATEWAY_BIND", "127.0.0.1:9"),
            ("WAYBILL_CONSOLE_BIND", "0.0.0.0:8090"),
            ("WAYBILL_OTLP_GRPC_BIND", "127.0.0.1:9"),
            ("WAYBILL_OTLP_HTTP_BIND", "127.0.0.1:9"),
            ("WAYBILL_ADMIN_BIND", "127.0.0.1:9"),
            ("WAYBILL_SPAN_JOURNAL", "/tmp/spans"),
            ("WAYBILL_INSTANCE", "mine"),
            ("WAYBILL_REPLICAS", "3"),
        ] {
            let refused = with(&[(name, value)]).check_environment().unwrap_err().to_string();
            assert!(refused.starts_with(name) && refused.contains("unset it"), "{refused}");
            assert!(!refused.contains("hunter2"), "{refused}");
            assert_eq!(with(&[(name, " ")]).check_environment(), Ok(()), "{name} is empty");
        }
        let two = with(&[("WAYBILL_INSTANCE", "a"), ("WAYBILL_REPLICAS", "2")]);
        assert_eq!(
            two.check_environment().unwrap_err().0.len(),
            2,
            "all are reported at the same time"
        );
    }

    #[test]
    fn a_variable_with_the_labs_own_value_is_accepted() {
        let same = [
            ("WAYBILL_NATS_URL", "nats://127.0.0.1:4222"),
            ("WAYBILL_GATEWAY_URL", "http://localhost:8080/"),
            ("WAYBILL_GATEWAY_BIND", "127.0.0.1:8080"),
            ("WAYBILL_REPLICAS", "1"),
            ("WAYBILL_SLOTS", "7"),
        ];
        assert_eq!(with(&same).check_environment(), Ok(()));
    }

    #[test]
    fn the_name_of_one_process_is_not_passed_to_the_parts() {
        let variable = with(&[
            ("OTEL_SERVICE_NAME", "mine"),
            ("OTEL_RESOURCE_ATTRIBUTES", "a=b, service%2Ename=x,service.instance.id=y,team=z"),
        ])
        .ignored_variables();
        let rests: Vec<_> = variable.iter().map(|one| (one.name, one.rest.as_str())).collect();
        assert_eq!(rests, [("OTEL_SERVICE_NAME", ""), ("OTEL_RESOURCE_ATTRIBUTES", "a=b,team=z")]);
        assert_eq!(
            with(&[("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=dev")]).ignored_variables(),
            []
        );
        assert_eq!(with(&[("OTEL_SERVICE_NAME", "")]).ignored_variables(), []);
    }
}
