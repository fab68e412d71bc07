//! The containers of a running lab: state and health.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{
    docker::{DockerError, run, run_lines},
    images::contains,
    plan::ComposePlan,
};
use crate::commands::doctor::check::DoctorCheck;

/// Parts that run once at the start and exit.
const ONCE: [&str; 2] = ["init", "topology"];

/// Characters shown of the output of a health check.
const OUTPUT_CHARS_MAX: usize = 300;

/// One container, as `docker compose ps` lists it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Container {
    pub(super) name: String,
    pub(super) service: String,
    pub(super) image: String,
    state: String,
    health: String,
    exit_code: i32,
    publishers: Option<Vec<Publisher>>,
    /// The last output of the health check, if unhealthy.
    #[serde(skip)]
    health_output: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Publisher {
    target_port: u16,
    published_port: u16,
}

/// Every container of this folder's project, including stopped ones.
pub(super) async fn all() -> Result<Vec<Container>, DockerError> {
    let mut all: Vec<Container> =
        run_lines(&["compose", "ps", "--all", "--format", "json"]).await?;
    for one in all.iter_mut().filter(|one| one.runs() && one.health == "unhealthy") {
        one.health_output = health_output(&one.name).await;
    }
    Ok(all)
}

/// The last output line of the health check of this container, if any.
async fn health_output(name: &str) -> Option<String> {
    let form = "{{range .State.Health.Log}}{{.Output}}\n{{end}}";
    let log = run(&["inspect", "--format", form, name]).await.ok()?;
    let line = log.lines().map(str::trim).rfind(|line| !line.is_empty())?;
    Some(line.chars().take(OUTPUT_CHARS_MAX).collect())
}

impl Container {
    pub(super) fn runs(&self) -> bool {
        self.state == "running"
    }

    /// The port of this machine on which a port of this container is published.
    pub(super) fn published(&self, port: u16) -> Option<u16> {
        let mut all = self.publishers.iter().flatten();
        let found = all.find(|one| one.target_port == port && one.published_port != 0)?;
        Some(found.published_port)
    }

    /// Every published port of this container.
    pub(super) fn all_published(&self) -> impl Iterator<Item = u16> {
        self.publishers.iter().flatten().map(|one| one.published_port).filter(|port| *port != 0)
    }

    fn check(&self) -> DoctorCheck {
        let name = self.service.clone();
        let logs = format!("docker compose logs --tail 30 {name}");
        match (self.state.as_str(), self.health.as_str()) {
            ("running", "healthy") => DoctorCheck::ok(name, "running, healthy"),
            ("running", "") => DoctorCheck::ok(name, "running"),
            ("running", "starting") => DoctorCheck::failed(
                name,
                "starting",
                format!("wait a moment; if this persists: {logs}"),
            ),
            ("running", other) => {
                let output = self.health_output.as_ref();
                let output = output.map(|output| format!(": {output}")).unwrap_or_default();
                DoctorCheck::failed(name, format!("running, {other}{output}"), logs)
            }
            ("exited", _) if self.exit_code == 0 && ONCE.contains(&name.as_str()) => {
                DoctorCheck::ok(name, "finished")
            }
            ("exited", _) => {
                let advice = format!("{logs}; restart it with docker compose up -d --wait");
                DoctorCheck::failed(name, format!("exited with code {}", self.exit_code), advice)
            }
            (other, _) => DoctorCheck::failed(name, format!("is {other}"), logs),
        }
    }
}

/// Checks the containers of each part of the plan. `local`: the images on this machine.
pub(super) fn checks(
    plan: &ComposePlan,
    containers: &[Container],
    local: &Result<BTreeSet<String>, DockerError>,
) -> Vec<DoctorCheck> {
    let mut checks = Vec::new();
    for (name, service) in &plan.services {
        let before = checks.len();
        let mine = containers.iter().filter(|container| container.service == *name);
        checks.extend(mine.map(Container::check));
        if checks.len() > before {
            continue;
        }
        let absent = local.as_ref().is_ok_and(|local| !contains(local, &service.image));
        checks.push(if absent {
            let found = format!("not started: its image {} is missing", service.image);
            DoctorCheck::note(name.clone(), found, format!("docker compose up -d --wait {name}"))
        } else {
            let advice = format!("docker compose up -d --wait {name}");
            DoctorCheck::failed(name.clone(), "not started", advice)
        });
    }
    checks
}
