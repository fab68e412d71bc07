//! The parts of an embedded lab: command line, settings and readiness check of each.

use std::{
    ffi::OsString,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use settings::{HumanDuration, Switch};

use super::{
    EmbeddedOptions,
    environment::{Setting, SettingOrigin},
};
use crate::{
    Launch, Part, Ready, guard, nats,
    nats::{Monitor, ServerOptions},
    supervisor::PartSpec,
};

/// The broker, run from `binary`.
pub(super) fn broker(binary: &Path, server: &ServerOptions) -> PartSpec {
    PartSpec {
        part: Part::Nats,
        argv: nats::argv(binary, server),
        env: Vec::new(),
        ready: server.ready(),
    }
}

/// The options of the broker.
pub(super) fn broker_options(
    options: &EmbeddedOptions,
    folder: PathBuf,
    log: PathBuf,
) -> ServerOptions {
    ServerOptions {
        port: options.ports.nats,
        monitor: Monitor::hidden_on(options.ports.nats_monitor),
        folder,
        log,
        prefix: guard::prefix(&options.waybill),
    }
}

/// The step that creates streams, consumers and buckets, and exits.
pub(super) fn topology(options: &EmbeddedOptions, log: PathBuf) -> Launch {
    let env = pairs(topology_settings(options)).chain(options.env.clone()).collect();
    Launch { argv: waybill(options, &["topology", "apply"]), env, log }
}

fn topology_settings(options: &EmbeddedOptions) -> Vec<Setting> {
    let mut settings = shared(options);
    let ack_wait = options.ack_wait.map(|wait| HumanDuration(wait).to_string());
    settings.extend(ack_wait.map(|wait| of_up("ack_wait", "WAYBILL_ACK_WAIT", wait)));
    settings
}

/// Every part that `waybill` runs, with its sub-command and the lab's settings for it.
pub fn settings(options: &EmbeddedOptions) -> Vec<(String, Vec<&'static str>, Vec<Setting>)> {
    let row = |part: Part| (part.to_string(), vec![part.command()], settings_of(options, part));
    let topology = ("topology".to_owned(), vec!["topology", "apply"], topology_settings(options));
    let parts = [Part::Console, Part::Gateway, Part::Ingester].into_iter();
    let parts = parts.chain(processors(options)).chain([Part::Notifier]);
    [topology].into_iter().chain(parts.map(row)).collect()
}

fn processors(options: &EmbeddedOptions) -> impl Iterator<Item = Part> + use<> {
    (1..=options.processors.clamp(1, super::PROCESSORS_MAX)).map(Part::Processor)
}

/// The console. It receives telemetry, so it starts before the services.
pub(super) fn console(options: &EmbeddedOptions) -> PartSpec {
    // It responds once all of its other ports are bound.
    part(options, Part::Console)
}

/// The lab's settings for one part.
fn settings_of(options: &EmbeddedOptions, part: Part) -> Vec<Setting> {
    let ports = options.ports;
    let public = |port| SocketAddr::new(options.public, port).to_string();
    let mut settings = shared(options);
    settings.push(of_lab("WAYBILL_ADMIN_BIND", local(admin_port(options, part)).to_string()));
    match part {
        Part::Console => {
            settings.extend([
                of_lab("WAYBILL_CONSOLE_BIND", public(ports.console)),
                of_lab("WAYBILL_OTLP_GRPC_BIND", local(ports.otlp_grpc).to_string()),
                of_lab("WAYBILL_OTLP_HTTP_BIND", local(ports.otlp_http).to_string()),
                of_up(
                    "canary_seconds",
                    "WAYBILL_CANARY_SECONDS",
                    options.canary_seconds.to_string(),
                ),
            ]);
            settings.extend(unless_given(
                options,
                "WAYBILL_SCRAPE_TARGETS",
                scrape_targets(options),
            ));
            return settings;
        }
        Part::Gateway => settings.push(of_lab("WAYBILL_GATEWAY_BIND", public(ports.gateway))),
        _ => {}
    }
    let journal = options.data_dir.join("spans").join(part.to_string());
    settings.push(of_lab("WAYBILL_SPAN_JOURNAL", journal.display().to_string()));
    settings
}

/// Port of a part's admin server.
fn admin_port(options: &EmbeddedOptions, part: Part) -> u16 {
    let ports = options.ports;
    match part {
        Part::Nats => ports.nats_monitor,
        Part::Console => ports.console_admin,
        Part::Gateway => ports.gateway_admin,
        Part::Ingester => ports.ingester_admin,
        Part::Processor(n) => ports.processor_admin_of(n),
        Part::Notifier => ports.notifier_admin,
    }
}

/// The metrics endpoint of every service, by service name.
fn scrape_targets(options: &EmbeddedOptions) -> String {
    let ports = options.ports;
    let processors = (1..=options.processors.min(super::PROCESSORS_MAX))
        .map(|n| (Part::Processor(n), ports.processor_admin_of(n)));
    let services = [(Part::Gateway, ports.gateway_admin), (Part::Ingester, ports.ingester_admin)];
    let all =
        services.into_iter().chain(processors).chain([(Part::Notifier, ports.notifier_admin)]);
    let target =
        |(part, port): (Part, u16)| format!("{}=http://{}/metrics", part.command(), local(port));
    all.map(target).collect::<Vec<_>>().join(",")
}

/// Every service, in pipeline order.
pub(super) fn services(options: &EmbeddedOptions) -> Vec<PartSpec> {
    let first = [Part::Gateway, Part::Ingester, Part::Processor(1), Part::Notifier];
    let all = first.into_iter().chain(processors(options).skip(1));
    all.map(|name| part(options, name)).collect()
}

fn part(options: &EmbeddedOptions, part: Part) -> PartSpec {
    let given = options.env.iter().cloned();
    let for_part = options.part_env.iter().filter(|(other, ..)| *other == part);
    let for_part = for_part.map(|(_, name, value)| (name.clone(), value.clone()));
    let own = pairs(settings_of(options, part));
    PartSpec {
        part,
        argv: waybill(options, &[part.command()]),
        // Later entries override earlier ones.
        env: own.chain(given).chain(for_part).collect(),
        ready: Ready::Answers(format!("http://{}/readyz", local(admin_port(options, part)))),
    }
}

fn pairs(settings: Vec<Setting>) -> impl Iterator<Item = (String, String)> {
    settings.into_iter().map(|Setting { name, value, .. }| (name.to_owned(), value))
}

fn of_lab(name: &'static str, value: String) -> Setting {
    Setting { name, value, origin: SettingOrigin::Lab }
}

fn of_up(flag: &'static str, name: &'static str, value: String) -> Setting {
    Setting { name, value, origin: SettingOrigin::Up(flag) }
}

/// The lab's own value, unless the user has one.
fn unless_given(options: &EmbeddedOptions, name: &'static str, value: String) -> Option<Setting> {
    options.user(name).is_none().then(|| of_lab(name, value))
}

/// The settings of every part.
fn shared(options: &EmbeddedOptions) -> Vec<Setting> {
    let ports = options.ports;
    let console = reached(SocketAddr::new(options.public, ports.console));
    let otlp = options.otlp_endpoint.clone();
    let otlp = otlp.unwrap_or_else(|| format!("http://{}", local(ports.otlp_grpc)));
    // Anyone who can reach the lab could inject faults: off by default unless only this machine can.
    let faults = options.faults.map_or(options.public.is_loopback(), Switch::is_on);
    let faults = if faults { Switch::On } else { Switch::Off };
    let mut settings = vec![
        of_lab("WAYBILL_NATS_URL", nats_url(options)),
        of_lab("WAYBILL_GATEWAY_URL", gateway_url(options)),
        of_up("faults", "WAYBILL_FAULTS", faults.to_string()),
        of_up("grace_seconds", "WAYBILL_GRACE_SECONDS", options.grace.as_secs().to_string()),
        of_up("clock", "WAYBILL_CLOCK", options.clock.name().to_owned()),
        of_up("otlp_endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT", otlp),
    ];
    settings.extend(
        [
            ("WAYBILL_WEBHOOK_ALLOW", console.to_string()),
            ("WAYBILL_NTP_SERVER", local(ports.ntp).to_string()),
            // The allocator commits memory on demand: half the memory under load.
            ("MIMALLOC_ARENA_EAGER_COMMIT", "0".to_owned()),
        ]
        .into_iter()
        .filter_map(|(name, value)| unless_given(options, name, value)),
    );
    settings.extend(
        options
            .ignored_variables()
            .into_iter()
            .map(|variable| of_lab(variable.name, variable.rest)),
    );
    settings
}

/// The broker's URL.
pub(super) fn nats_url(options: &EmbeddedOptions) -> String {
    format!("nats://{}", local(options.ports.nats))
}

/// The gateway's URL on this machine.
pub(super) fn gateway_url(options: &EmbeddedOptions) -> String {
    format!("http://{}", reached(SocketAddr::new(options.public, options.ports.gateway)))
}

fn waybill(options: &EmbeddedOptions, arguments: &[&str]) -> Vec<OsString> {
    let mut argv = guard::prefix(&options.waybill);
    argv.push(options.waybill.clone().into());
    argv.extend(arguments.iter().map(OsString::from));
    argv
}

/// The time server's address.
pub(super) fn time_server(options: &EmbeddedOptions) -> SocketAddr {
    local(options.ports.ntp)
}

pub(super) fn local(port: u16) -> SocketAddr {
    SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)
}

/// The address under which this machine reaches a listener.
fn reached(listening: SocketAddr) -> SocketAddr {
    match listening.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => local(listening.port()),
        IpAddr::V6(ip) if ip.is_unspecified() => local(listening.port()),
        ip => SocketAddr::new(ip, listening.port()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env<'a>(spec: &'a PartSpec, name: &str) -> Option<&'a str> {
        let last = spec.env.iter().rev().find(|(known, _)| known == name);
        last.map(|(_, value)| value.as_str())
    }

    #[test]
    fn a_lab_opened_to_others_has_no_faults_and_opens_two_ports_only() {
        let options = EmbeddedOptions {
            public: Ipv4Addr::UNSPECIFIED.into(),
            ..EmbeddedOptions::new("waybill".into())
        };
        let services = services(&options);
        for spec in services.iter().chain([&console(&options)]) {
            assert_eq!(env(spec, "WAYBILL_FAULTS"), Some("off"));
            let open: Vec<&str> = spec
                .env
                .iter()
                .filter(|(_, value)| value.contains("0.0.0.0"))
                .map(|(name, _)| name.as_str())
                .collect();
            let expected: &[&str] = match spec.part {
                Part::Gateway => &["WAYBILL_GATEWAY_BIND"],
                Part::Console => &["WAYBILL_CONSOLE_BIND"],
                _ => &[],
            };
            assert_eq!(open, expected, "{}", spec.part);
        }
    }

    #[test]
    fn options_override_the_labs_settings() {
        let options = EmbeddedOptions {
            env: vec![("WAYBILL_FAULTS".into(), "off".into())],
            part_env: vec![(Part::Ingester, "WAYBILL_FAULTS".into(), "on".into())],
            otlp_endpoint: Some("http://127.0.0.1:9".into()),
            ..EmbeddedOptions::new("waybill".into())
        };
        let parts = services(&options);
        let gateway = &parts[0];
        assert_eq!(env(gateway, "WAYBILL_FAULTS"), Some("off"));
        assert_eq!(env(gateway, "OTEL_EXPORTER_OTLP_ENDPOINT"), Some("http://127.0.0.1:9"));
        assert_eq!(
            env(&parts[1], "WAYBILL_FAULTS"),
            Some("on"),
            "variables for one part override those for all"
        );
    }

    #[test]
    fn a_variable_of_the_user_overrides_the_labs_setting() {
        let user = [
            ("WAYBILL_WEBHOOK_ALLOW", "127.0.0.1:35099"),
            ("WAYBILL_NTP_SERVER", "127.0.0.1:1123"),
            ("WAYBILL_SCRAPE_TARGETS", "a=http://127.0.0.1:1/metrics"),
            ("MIMALLOC_ARENA_EAGER_COMMIT", "1"),
        ];
        let user = user.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let options = EmbeddedOptions {
            user: user.to_vec(),
            faults: Some(Switch::Off),
            ..EmbeddedOptions::new("waybill".into())
        };
        for spec in services(&options).iter().chain([&console(&options)]) {
            for (name, _) in &user {
                assert_eq!(env(spec, name), None, "{name} is inherited");
            }
            assert_eq!(env(spec, "WAYBILL_FAULTS"), Some("off"));
        }
        let opened = EmbeddedOptions {
            public: Ipv4Addr::UNSPECIFIED.into(),
            ..EmbeddedOptions::new("w".into())
        };
        let requested = EmbeddedOptions { faults: Some(Switch::On), ..opened };
        assert_eq!(env(&services(&requested)[0], "WAYBILL_FAULTS"), Some("on"));
    }

    #[test]
    fn the_name_of_one_service_is_not_passed_to_any() {
        let user = vec![("OTEL_SERVICE_NAME".to_owned(), "mine".to_owned())];
        let options = EmbeddedOptions { user, ..EmbeddedOptions::new("waybill".into()) };
        for spec in services(&options) {
            assert_eq!(env(&spec, "OTEL_SERVICE_NAME"), Some(""), "an empty one counts as not set");
        }
    }
}
