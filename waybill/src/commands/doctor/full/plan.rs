//! What this folder's `compose.yaml` says, as Compose itself reads it with `.env` and all.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::docker::{Trouble, ask_json};
use crate::commands::doctor::check::Check;

/// Services by which the lab's own file is told from any other.
const OURS: [&str; 3] = ["gateway", "processor", "otel-collector"];

/// The full lab as it is meant to be.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Plan {
    /// The project, by which Docker marks what belongs to it.
    pub(super) name: String,
    pub(super) services: BTreeMap<String, Service>,
    #[serde(default)]
    pub(super) volumes: BTreeMap<String, serde_json::Value>,
}

/// One part.
#[derive(Debug, Deserialize)]
pub(super) struct Service {
    pub(super) image: String,
    /// There when the image is made here instead of pulled.
    build: Option<serde::de::IgnoredAny>,
    mem_limit: Option<Bytes>,
    #[serde(default)]
    ports: Vec<Port>,
}

/// Newer versions of Compose print a number as text.
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

/// Reads it; the check says why there is none to read.
pub(super) async fn read() -> Result<Plan, Check> {
    const NAME: &str = "compose.yaml";
    let advice = "run `waybill doctor` in the lab's folder, where compose.yaml and .env are";
    match ask_json::<Plan>(&["compose", "config", "--format", "json"]).await {
        Ok(plan) if OURS.iter().all(|service| plan.services.contains_key(*service)) => Ok(plan),
        Ok(plan) => Err(Check::note(NAME, format!("`{}` is another project", plan.name), advice)),
        Err(Trouble::Refused(why)) if why.contains("no configuration file") => {
            Err(Check::note(NAME, "not in this folder: images and ports not looked at", advice))
        }
        Err(trouble) => Err(Check::failed(
            NAME,
            trouble.words(),
            "mend it until `docker compose config` prints no error",
        )),
    }
}

impl Plan {
    /// What all parts take when each is at its limit.
    pub(super) fn memory_bytes(&self) -> u64 {
        let limits = self.services.values().filter_map(|service| match &service.mem_limit {
            Some(Bytes::Number(bytes)) => Some(*bytes),
            Some(Bytes::Text(text)) => text.parse().ok(),
            None => None,
        });
        limits.sum()
    }

    /// Each port of this machine that the lab takes, with the part's name.
    pub(super) fn ports(&self) -> Vec<(&str, u16)> {
        let services = self.services.iter();
        let ports = services.flat_map(|(name, service)| {
            let published = service.ports.iter().filter_map(|port| port.published.as_deref());
            published.filter_map(move |port| Some((name.as_str(), port.parse().ok()?)))
        });
        ports.filter(|(_, port)| *port != 0).collect()
    }

    /// Each image once, and whether it is made here.
    pub(super) fn images(&self) -> BTreeMap<&str, bool> {
        let services = self.services.values();
        services.map(|service| (service.image.as_str(), service.build.is_some())).collect()
    }
}
