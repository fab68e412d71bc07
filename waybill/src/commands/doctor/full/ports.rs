//! Whether the ports of the full lab are free, and which programs use those that are not.

use std::net::{Ipv4Addr, SocketAddr};

use serde::Deserialize;

use super::{docker::run_lines, plan::ComposePlan};
use crate::{commands::doctor::check::DoctorCheck, listener};

/// A running container, as `docker ps` lists it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Container {
    names: String,
    ports: String,
}

/// Checks the ports of a lab that is not running.
pub(super) async fn check(plan: &ComposePlan) -> DoctorCheck {
    const NAME: &str = "full ports";
    let taken: Vec<(&str, u16)> =
        plan.ports().into_iter().filter(|(_, port)| !free(*port)).collect();
    if taken.is_empty() {
        let ports: Vec<String> =
            plan.ports().iter().map(|(part, port)| format!("{part} {port}")).collect();
        return DoctorCheck::ok(NAME, format!("free: {}", ports.join(", ")));
    }
    let containers: Vec<Container> =
        run_lines(&["ps", "--format", "{{json .}}"]).await.unwrap_or_default();
    let lines: Vec<String> = taken
        .iter()
        .map(|(part, port)| {
            let by = container(&containers, *port)
                .or_else(|| listener::of(*port).map(|found| found.to_string()));
            let by = by.map_or(String::new(), |by| format!(" by {by}"));
            format!("port {port} ({part}) is in use{by}")
        })
        .collect();
    let advice = "stop these programs, or give the part another port in compose.extras.yaml \
                  (ports: !override [\"127.0.0.1:18080:8080\"])";
    DoctorCheck::failed(NAME, lines.join("\n"), advice)
}

fn free(port: u16) -> bool {
    lab::can_listen(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)).is_ok()
}

/// The container that publishes `port`; the process that listens is Docker's own.
fn container(containers: &[Container], port: u16) -> Option<String> {
    let published = format!(":{port}->");
    let container = containers.iter().find(|one| one.ports.contains(&published))?;
    Some(format!("the container {}", container.names))
}
