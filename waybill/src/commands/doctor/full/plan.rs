//! This folder's `compose.yaml`, as Compose itself resolves it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::docker::{DockerError, run_json};
use crate::commands::doctor::check::DoctorCheck;

/// Services that identify the compose.yaml of the lab.
const OURS: [&str; 3] = ["gateway", "processor", "otel-collector"];

/// The full lab according to compose.yaml.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ComposePlan {
    /// The name of the Compose project.
    pub(super) name: String,
    pub(super) services: BTreeMap<String, ComposeService>,
    #[serde(default)]
    pub(super) volumes: BTreeMap<String, serde_json::Value>,
}

/// One part.
#[derive(Debug, Deserialize)]
pub(super) struct ComposeService {
    pub(super) image: String,
    /// Present if the image is built instead of pulled.
    build: Option<serde::de::IgnoredAny>,
    mem_limit: Option<Bytes>,
    #[serde(default)]
    ports: Vec<Port>,
}

/// Newer versions of Compose print the number as a string.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Bytes {
    Number(u64),
    Text(String),
}

#[derive(Debug, Deserialize)]
struct Port {
    published: Option<String>,
}

/// Reads the plan; the error is a check that says why there is none.
pub(super) async fn read() -> Result<ComposePlan, DoctorCheck> {
    const NAME: &str = "compose.yaml";
    let advice = "run `waybill doctor` in the lab's folder, where compose.yaml and .env are";
    match run_json::<ComposePlan>(&["compose", "config", "--format", "json"]).await {
        Ok(plan) if OURS.iter().all(|service| plan.services.contains_key(*service)) => Ok(plan),
        Ok(plan) => {
            Err(DoctorCheck::note(NAME, format!("`{}` is another project", plan.name), advice))
        }
        Err(DockerError::Failed(why)) if why.contains("no configuration file") => Err(
            DoctorCheck::note(NAME, "not in this folder: images and ports are not checked", advice),
        ),
        Err(error) => Err(DoctorCheck::failed(
            NAME,
            error.words(),
            "fix it until `docker compose config` prints no error",
        )),
    }
}

impl ComposePlan {
    /// The sum of the memory limits of all parts.
    pub(super) fn memory_bytes(&self) -> u64 {
        let limits = self.services.values().filter_map(|service| match &service.mem_limit {
            Some(Bytes::Number(bytes)) => Some(*bytes),
            Some(Bytes::Text(text)) => text.parse().ok(),
            None => None,
        });
        limits.sum()
    }

    /// Each published port, with the name of its part.
    pub(super) fn ports(&self) -> Vec<(&str, u16)> {
        let services = self.services.iter();
        let ports = services.flat_map(|(name, service)| {
            let published = service.ports.iter().filter_map(|port| port.published.as_deref());
            published.filter_map(move |port| Some((name.as_str(), port.parse().ok()?)))
        });
        ports.filter(|(_, port)| *port != 0).collect()
    }

    /// Each image once, and whether it is built.
    pub(super) fn images(&self) -> BTreeMap<&str, bool> {
        let services = self.services.values();
        services.map(|service| (service.image.as_str(), service.build.is_some())).collect()
    }
}
