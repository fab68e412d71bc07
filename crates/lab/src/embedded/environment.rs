//! What the parts of an embedded lab get from the environment of the user: his settings win, reach the part
//! that they are for, or are refused by name.

use std::{fmt, net::SocketAddr};

use percent_encoding::percent_decode_str;

use super::{Options, plan};

/// Where a setting of a part comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The flag of `waybill up` with this id, or its variable, or its default.
    Up(&'static str),
    /// The lab itself: parts must find each other.
    Lab,
}

/// A setting that the lab gives to a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The variable.
    pub name: &'static str,
    /// Its value.
    pub value: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// A variable of the user that no part gets, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// The variable.
    pub name: &'static str,
    /// What the parts get in its place; nothing if it is empty.
    pub rest: String,
    /// Why, as a sentence goes on after the name.
    pub why: String,
}

/// Variables of the user that cannot hold for a whole lab, one a line, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused(pub Vec<String>);

impl fmt::Display for Refused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Refused {}

/// Resource attributes that name one process.
const OF_ONE_PROCESS: [&str; 2] = ["service.name", "service.instance.id"];

impl Options {
    /// The value of a variable of the user; an empty one counts as not set.
    pub(super) fn user(&self, name: &str) -> Option<&str> {
        let found = self.user.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// Refuses variables of the user that would take the lab apart. One that says what holds anyway passes.
    pub fn check_environment(&self) -> Result<(), Refused> {
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
                "it is the address of one process; --port-base moves all ports together",
            ),
            (
                "WAYBILL_SPAN_JOURNAL",
                None,
                "it is the file of one process; --data-dir says where a lab keeps its own",
            ),
            ("WAYBILL_INSTANCE", None, "it is the name of one process, and a lab has several"),
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
        if refused.is_empty() { Ok(()) } else { Err(Refused(refused)) }
    }

    /// Variables of the user that are meant for one process, and that are kept from all of them.
    pub fn set_aside(&self) -> Vec<SetAside> {
        let name = self.user("OTEL_SERVICE_NAME").map(|_| SetAside {
            name: "OTEL_SERVICE_NAME",
            rest: String::new(),
            why: "is set aside: it names one service, and a lab has four under their own names"
                .to_owned(),
        });
        name.into_iter().chain(self.resource_attributes()).collect()
    }

    fn resource_attributes(&self) -> Option<SetAside> {
        const NAME: &str = "OTEL_RESOURCE_ATTRIBUTES";
        let names_a_process = |pair: &&str| {
            let key = pair.split('=').next().unwrap_or_default().trim();
            OF_ONE_PROCESS.contains(&&*percent_decode_str(key).decode_utf8_lossy())
        };
        let (own, rest): (Vec<&str>, Vec<&str>) =
            self.user(NAME)?.split(',').partition(names_a_process);
        let why = format!("loses {}: that is one process's, and a lab has several", own.join(", "));
        (!own.is_empty()).then(|| SetAside { name: NAME, rest: rest.join(","), why })
    }
}

/// Whether two settings mean the same: a slash at the end and the name of this machine make no difference.
fn is_same(one: &str, other: &str) -> bool {
    let plain = |text: &str| text.trim_end_matches('/').replace("://localhost:", "://127.0.0.1:");
    plain(one) == plain(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(user: &[(&str, &str)]) -> Options {
        let user = user.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Options { user: user.collect(), ..Options::new("waybill".into()) }
    }

    #[test]
    fn a_variable_that_would_take_the_lab_apart_is_refused_by_name() {
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
        assert_eq!(two.check_environment().unwrap_err().0.len(), 2, "all are reported at once");
    }

    #[test]
    fn a_variable_that_says_what_holds_anyway_passes() {
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
    fn a_name_for_one_process_is_kept_from_four() {
        let aside = with(&[
            ("OTEL_SERVICE_NAME", "mine"),
            ("OTEL_RESOURCE_ATTRIBUTES", "a=b, service%2Ename=x,service.instance.id=y,team=z"),
        ])
        .set_aside();
        let rests: Vec<_> = aside.iter().map(|one| (one.name, one.rest.as_str())).collect();
        assert_eq!(rests, [("OTEL_SERVICE_NAME", ""), ("OTEL_RESOURCE_ATTRIBUTES", "a=b,team=z")]);
        assert_eq!(
            with(&[("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=dev")]).set_aside(),
            []
        );
        assert_eq!(with(&[("OTEL_SERVICE_NAME", "")]).set_aside(), []);
    }
}
