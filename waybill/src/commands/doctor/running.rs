//! Whether the ports are free, or used by a healthy lab.

use std::{borrow::Cow, net::Ipv4Addr};

use client::{AdminClient, GatewayClient};
use futures_util::future::join_all;
use lab::{
    Part, PortTaken, Ports, can_listen,
    embedded::{PROCESSORS_MAX, RunningLab},
    ephemeral,
    nats::Health,
};
use url::Url;

use super::{check::DoctorCheck, jobs};
use crate::listener;

const CONSOLE: &str = "console";

/// Checks the ports, and every part of a lab that runs on them. `full`: the ports of a running full lab.
pub(super) async fn checks(
    ports: Ports,
    full: &[u16],
    lab: Option<&RunningLab>,
) -> anyhow::Result<Vec<DoctorCheck>> {
    const NAME: &str = "ports";
    let Err(taken) = ports.check(Ipv4Addr::LOCALHOST.into()) else {
        let (first, last) = (ports.gateway, ports.nats_monitor);
        return Ok(vec![DoctorCheck::ok(
            NAME,
            format!("free: gateway {first} to NATS monitor {last}"),
        )]);
    };
    if taken.0.iter().all(|one| full.contains(&one.port)) {
        let advice = "stop it with docker compose down, or start the embedded lab on other ports with --port-base N";
        return Ok(vec![DoctorCheck::failed(NAME, "in use by the full lab", advice)]);
    }
    let found = parts(ports).await?;
    // The ports of console and gateway are popular: another program there is no lab.
    let is_lab = |(part, state): &(&str, State)| *part != CONSOLE && *state != State::Absent;
    if !found.iter().any(is_lab) {
        let lines: Vec<String> = taken.0.iter().map(line).collect();
        let advice =
            "stop these programs, or choose other ports with --port-base N (WAYBILL_PORT_BASE)";
        return Ok(vec![DoctorCheck::failed(NAME, lines.join("\n"), advice)]);
    }
    let mut checks = vec![DoctorCheck::ok(
        NAME,
        format!("a lab is running: http://127.0.0.1:{}", ports.console),
    )];
    checks.push(broker(ports, lab).await);
    checks.extend(found.into_iter().map(|(part, state)| state.check(part)));
    checks.extend(replicas(ports).await?);
    checks.extend(jobs::checks(ports).await?);
    checks.extend(queues(ports).await);
    Ok(checks)
}

/// Warns if the system may use a port of the lab for an outgoing connection.
pub(super) fn outgoing(ports: Ports) -> Option<DoctorCheck> {
    let warning = ephemeral::warning(ports, 1)?;
    let (found, advice) = warning.split_once("; ")?;
    Some(DoctorCheck::note("port range", found, advice))
}

/// Checks the health of the broker, or if its health page is unknown, whether it listens.
async fn broker(ports: Ports, lab: Option<&RunningLab>) -> DoctorCheck {
    const NAME: &str = "nats";
    let Some(page) = lab.and_then(|lab| lab.health_url.as_deref()) else {
        let listens = can_listen((Ipv4Addr::LOCALHOST, ports.nats).into()).is_err();
        return if listens {
            DoctorCheck::skipped(NAME, "listens; only the user who started it can query its health")
        } else {
            State::Absent.check(NAME)
        };
    };
    match Health::of(page).await {
        Health::Healthy => State::Ready.check(NAME),
        Health::Unreachable => State::Absent.check(NAME),
        Health::Unhealthy(error) => {
            let advice = if error.contains("no space left") {
                "free disk space (see `disk`): the lab then continues by itself"
            } else {
                "the lab continues by itself once the disk is writable; the broker's log is in the data folder"
            };
            DoctorCheck::failed(NAME, error, advice)
        }
    }
}

/// Queues and stores that are missing or unreadable; `None` if there are none.
async fn queues(ports: Ports) -> Option<DoctorCheck> {
    let url = Url::parse(&format!("http://127.0.0.1:{}", ports.gateway)).ok()?;
    let list = GatewayClient::new(&url).ok()?.queues().await.ok()?;
    let stores = list.queues.iter().map(|queue| &queue.store).chain(&list.stores);
    let errors: Vec<&str> = stores.filter_map(|store| store.error.as_deref()).collect();
    let advice = "create what is missing with waybill topology apply; jobs in a lost stream or bucket are lost";
    (!errors.is_empty()).then(|| DoctorCheck::failed("queues", errors.join("\n"), advice))
}

fn line(taken: &PortTaken) -> String {
    match listener::of(taken.port) {
        Some(found) => format!("{taken} by {found}"),
        None => taken.to_string(),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Ready,
    NotReady(String),
    Absent,
}

impl State {
    fn check(self, part: impl Into<Cow<'static, str>>) -> DoctorCheck {
        match self {
            Self::Ready => DoctorCheck::ok(part, "ready"),
            Self::NotReady(why) if why.starts_with("storage") => DoctorCheck::failed(
                part,
                why,
                "see `nats` and `disk`: it continues once the broker does",
            ),
            Self::NotReady(why) => DoctorCheck::failed(
                part,
                why,
                "wait a moment; if this persists, check its log in the data folder",
            ),
            Self::Absent => DoctorCheck::failed(
                part,
                "no response: it is restarting, suspended, or dead",
                "run this again in a second; if this persists, check its log in the data folder",
            ),
        }
    }
}

async fn parts(ports: Ports) -> anyhow::Result<Vec<(&'static str, State)>> {
    let known = [
        (CONSOLE, ports.console, "/healthz"),
        ("gateway", ports.gateway_admin, "/readyz"),
        ("ingester", ports.ingester_admin, "/readyz"),
        ("processor", ports.processor_admin, "/readyz"),
        ("notifier", ports.notifier_admin, "/readyz"),
    ];
    let checks = known.map(|(part, port, path)| async move {
        let admin = AdminClient::new(part, port)?;
        let state = match admin.not_ready(path).await {
            Ok(None) => State::Ready,
            Ok(Some(why)) => State::NotReady(why),
            Err(_) => State::Absent,
        };
        Ok((part, state))
    });
    join_all(checks).await.into_iter().collect()
}

/// The further processors that respond: how many there should be is not known here.
async fn replicas(ports: Ports) -> anyhow::Result<Vec<DoctorCheck>> {
    let queries = (2..=PROCESSORS_MAX).map(|n| async move {
        let admin = AdminClient::new("processor", ports.processor_admin_of(n))?;
        let part = Part::Processor(n).to_string();
        Ok(match admin.not_ready("/readyz").await {
            Ok(None) => Some(State::Ready.check(part)),
            Ok(Some(why)) => Some(State::NotReady(why).check(part)),
            Err(_) => None,
        })
    });
    let checks: anyhow::Result<Vec<Option<DoctorCheck>>> =
        join_all(queries).await.into_iter().collect();
    Ok(checks?.into_iter().flatten().collect())
}
