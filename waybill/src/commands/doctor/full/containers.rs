//! The containers of a lab that runs: each one's state and health.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{
    docker::{Trouble, ask, ask_lines},
    images::has,
    plan::Plan,
};
use crate::commands::doctor::check::Check;

/// Parts that do their work at the start and end.
const ONCE: [&str; 2] = ["init", "topology"];

/// Characters shown of what a health check said.
const SAID_CHARS_MAX: usize = 300;

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
    /// What the health check of one that is not well said last.
    #[serde(skip)]
    said: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Publisher {
    target_port: u16,
    published_port: u16,
}

/// Every container of this folder's project, ended ones too.
pub(super) async fn all() -> Result<Vec<Container>, Trouble> {
    let mut all: Vec<Container> =
        ask_lines(&["compose", "ps", "--all", "--format", "json"]).await?;
    for one in all.iter_mut().filter(|one| one.runs() && one.health == "unhealthy") {
        one.said = said(&one.name).await;
    }
    Ok(all)
}

/// The last line that the health check of this container said, if any.
async fn said(name: &str) -> Option<String> {
    let form = "{{range .State.Health.Log}}{{.Output}}\n{{end}}";
    let log = ask(&["inspect", "--format", form, name]).await.ok()?;
    let line = log.lines().map(str::trim).rfind(|line| !line.is_empty())?;
    Some(line.chars().take(SAID_CHARS_MAX).collect())
}

impl Container {
    pub(super) fn runs(&self) -> bool {
        self.state == "running"
    }

    /// Where a port of this container is reached on this machine.
    pub(super) fn published(&self, port: u16) -> Option<u16> {
        let mut all = self.publishers.iter().flatten();
        let found = all.find(|one| one.target_port == port && one.published_port != 0)?;
        Some(found.published_port)
    }

    /// Every port of this machine that leads to this container.
    pub(super) fn all_published(&self) -> impl Iterator<Item = u16> {
        self.publishers.iter().flatten().map(|one| one.published_port).filter(|port| *port != 0)
    }

    fn check(&self) -> Check {
        let name = self.service.clone();
        let logs = format!("docker compose logs --tail 30 {name}");
        match (self.state.as_str(), self.health.as_str()) {
            ("running", "healthy") => Check::ok(name, "runs, healthy"),
            ("running", "") => Check::ok(name, "runs"),
            ("running", "starting") => {
                Check::failed(name, "is starting", format!("wait a moment; if it stays so: {logs}"))
            }
            ("running", other) => {
                let said = self.said.as_ref().map(|said| format!(": {said}")).unwrap_or_default();
                Check::failed(name, format!("runs, {other}{said}"), logs)
            }
            ("exited", _) if self.exit_code == 0 && ONCE.contains(&name.as_str()) => {
                Check::ok(name, "has done its work")
            }
            ("exited", _) => {
                let advice = format!("{logs}; docker compose up -d --wait starts it again");
                Check::failed(name, format!("has ended with code {}", self.exit_code), advice)
            }
            (other, _) => Check::failed(name, format!("is {other}"), logs),
        }
    }
}

/// Each part of the plan: its containers, or that it has none. `here` are this machine's images.
pub(super) fn checks(
    plan: &Plan,
    containers: &[Container],
    here: &Result<BTreeSet<String>, Trouble>,
) -> Vec<Check> {
    let mut checks = Vec::new();
    for (name, service) in &plan.services {
        let before = checks.len();
        let mine = containers.iter().filter(|container| container.service == *name);
        checks.extend(mine.map(Container::check));
        if checks.len() > before {
            continue;
        }
        let absent = here.as_ref().is_ok_and(|here| !has(here, &service.image));
        checks.push(if absent {
            let found = format!("not started: its image {} is not here", service.image);
            Check::note(name.clone(), found, format!("docker compose up -d --wait {name}"))
        } else {
            let advice = format!("docker compose up -d --wait {name}");
            Check::failed(name.clone(), "not started", advice)
        });
    }
    checks
}
