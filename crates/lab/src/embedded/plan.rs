//! What an embedded lab is made of: each part's command line, settings and sign of readiness.

use std::{
    ffi::OsString,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use settings::HumanDuration;

use super::Options;
use crate::{Launch, Part, Ready, guard, nats, nats::ServerOptions, supervisor::PartSpec};

/// The broker, run from `binary`.
pub(super) fn broker(binary: &Path, server: &ServerOptions) -> PartSpec {
    PartSpec {
        part: Part::Nats,
        argv: nats::argv(binary, server),
        env: Vec::new(),
        ready: server.ready(),
    }
}

/// Where the broker listens and keeps its things.
pub(super) fn broker_options(options: &Options, folder: PathBuf, log: PathBuf) -> ServerOptions {
    ServerOptions {
        port: options.ports.nats,
        monitor_port: options.ports.nats_monitor,
        folder,
        log,
        prefix: guard::prefix(&options.waybill),
    }
}

/// The step that makes streams, consumers and buckets, and ends.
pub(super) fn topology(options: &Options, log: PathBuf) -> Launch {
    let ack_wait = options.ack_wait.map(|wait| HumanDuration(wait).to_string());
    let own = ack_wait.map(|wait| ("WAYBILL_ACK_WAIT".to_owned(), wait));
    let env = shared(options).into_iter().chain(own).chain(options.env.clone()).collect();
    Launch { argv: waybill(options, &["topology", "apply"]), env, log }
}

/// Receives telemetry, so it starts before those who send it.
pub(super) fn console(options: &Options) -> PartSpec {
    let ports = options.ports;
    let page = SocketAddr::new(options.public, ports.console);
    let (grpc, http) = (local(ports.otlp_grpc), local(ports.otlp_http));
    let settings = [
        ("WAYBILL_CONSOLE_BIND", page),
        ("WAYBILL_OTLP_GRPC_BIND", grpc),
        ("WAYBILL_OTLP_HTTP_BIND", http),
        ("WAYBILL_ADMIN_BIND", local(ports.console_admin)),
    ];
    // It answers when all of its other ports are bound.
    let ready = Ready::Answers(format!("http://{}/readyz", local(ports.console_admin)));
    let mut console = part(options, Part::Console, &settings, ready);
    let watching = [
        ("WAYBILL_SCRAPE_TARGETS", scrape_targets(options)),
        ("WAYBILL_CANARY_SECONDS", options.canary_seconds.to_string()),
    ];
    // What the user sets comes later, and so stands.
    console.env.splice(0..0, watching.map(|(name, value)| (name.to_owned(), value)));
    console
}

/// Where every service serves its metrics, by the name that its spans carry.
fn scrape_targets(options: &Options) -> String {
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

/// Every service, in the order of a job's way.
pub(super) fn services(options: &Options) -> Vec<PartSpec> {
    let ports = options.ports;
    let api = SocketAddr::new(options.public, ports.gateway);
    let mut services = vec![
        service(options, Part::Gateway, ports.gateway_admin, &[("WAYBILL_GATEWAY_BIND", api)]),
        service(options, Part::Ingester, ports.ingester_admin, &[]),
        service(options, Part::Processor(1), ports.processor_admin, &[]),
        service(options, Part::Notifier, ports.notifier_admin, &[]),
    ];
    for n in 2..=options.processors.min(super::PROCESSORS_MAX) {
        services.push(service(options, Part::Processor(n), ports.processor_admin_of(n), &[]));
    }
    services
}

fn service(options: &Options, name: Part, admin: u16, settings: &[(&str, SocketAddr)]) -> PartSpec {
    let ready = Ready::Answers(format!("http://{}/readyz", local(admin)));
    let mut settings = settings.to_vec();
    settings.push(("WAYBILL_ADMIN_BIND", local(admin)));
    let mut service = part(options, name, &settings, ready);
    // What the user sets comes later, and so stands.
    let begun = options.data_dir.join("spans").join(name.to_string());
    service.env.insert(0, ("WAYBILL_BEGUN_SPANS".to_owned(), begun.display().to_string()));
    service
}

fn part(options: &Options, part: Part, own: &[(&str, SocketAddr)], ready: Ready) -> PartSpec {
    let own = own.iter().map(|(name, address)| ((*name).to_owned(), address.to_string()));
    let given = options.env.iter().cloned();
    let for_part = options.part_env.iter().filter(|(other, ..)| *other == part);
    let for_part = for_part.map(|(_, name, value)| (name.clone(), value.clone()));
    PartSpec {
        part,
        argv: waybill(options, &[part.command()]),
        env: shared(options).into_iter().chain(own).chain(given).chain(for_part).collect(),
        ready,
    }
}

/// What every part must know of the others.
fn shared(options: &Options) -> Vec<(String, String)> {
    let ports = options.ports;
    let gateway = reached(SocketAddr::new(options.public, ports.gateway));
    let console = reached(SocketAddr::new(options.public, ports.console));
    let otlp = options
        .otlp_endpoint
        .clone()
        .unwrap_or_else(|| format!("http://{}", local(ports.otlp_grpc)));
    // Whoever can reach the lab could break it: only the user himself may.
    let faults = if options.public.is_loopback() { "on" } else { "off" };
    [
        ("WAYBILL_NATS_URL", format!("nats://{}", local(ports.nats))),
        ("WAYBILL_GATEWAY_URL", format!("http://{gateway}")),
        ("WAYBILL_WEBHOOK_ALLOW", console.to_string()),
        ("WAYBILL_FAULTS", faults.to_owned()),
        ("WAYBILL_GRACE_SECONDS", options.grace.as_secs().to_string()),
        ("WAYBILL_NTP_SERVER", local(ports.ntp).to_string()),
        ("WAYBILL_CLOCK", options.clock.name().to_owned()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", otlp),
        // The allocator takes memory as it is used, not a large piece ahead: half the memory under load.
        ("MIMALLOC_ARENA_EAGER_COMMIT", "0".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn waybill(options: &Options, arguments: &[&str]) -> Vec<OsString> {
    let mut argv = guard::prefix(&options.waybill);
    argv.push(options.waybill.clone().into());
    argv.extend(arguments.iter().map(OsString::from));
    argv
}

/// Where the time server answers.
pub(super) fn time_server(options: &Options) -> SocketAddr {
    local(options.ports.ntp)
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)
}

/// How this machine itself reaches what listens there.
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
        let options =
            Options { public: Ipv4Addr::UNSPECIFIED.into(), ..Options::new("waybill".into()) };
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
    fn given_settings_win_over_the_labs_own() {
        let options = Options {
            env: vec![("WAYBILL_FAULTS".into(), "off".into())],
            part_env: vec![(Part::Ingester, "WAYBILL_FAULTS".into(), "on".into())],
            otlp_endpoint: Some("http://127.0.0.1:9".into()),
            ..Options::new("waybill".into())
        };
        let parts = services(&options);
        let gateway = &parts[0];
        assert_eq!(env(gateway, "WAYBILL_FAULTS"), Some("off"));
        assert_eq!(env(gateway, "OTEL_EXPORTER_OTLP_ENDPOINT"), Some("http://127.0.0.1:9"));
        assert_eq!(env(&parts[1], "WAYBILL_FAULTS"), Some("on"), "a part's own settings win");
    }
}
