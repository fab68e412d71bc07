//! Leftovers of earlier starts: volumes, and containers of another version.

use serde::Deserialize;

use super::{containers::Container, docker::run_lines, plan::ComposePlan};
use crate::commands::doctor::check::DoctorCheck;

/// The label of the Compose project.
const PROJECT: &str = "com.docker.compose.project";
/// The label with the name of a volume in compose.yaml.
const VOLUME: &str = "com.docker.compose.volume";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Volume {
    name: String,
    #[serde(default)]
    labels: String,
}

impl Volume {
    fn in_the_file(&self) -> &str {
        let label = self.labels.split(',').find_map(|label| label.strip_prefix(VOLUME));
        label.map_or(self.name.as_str(), |value| value.trim_start_matches('='))
    }
}

/// The volumes of this project, and those that this version does not use.
pub(super) async fn volumes(plan: &ComposePlan) -> DoctorCheck {
    const NAME: &str = "volumes";
    let filter = format!("label={PROJECT}={}", plan.name);
    let list = ["volume", "ls", "--filter", &filter, "--format", "{{json .}}"];
    let volumes = match run_lines::<Volume>(&list).await {
        Ok(volumes) => volumes,
        Err(error) => return DoctorCheck::skipped(NAME, error.words()),
    };
    let unused: Vec<&str> = volumes
        .iter()
        .filter(|volume| !plan.volumes.contains_key(volume.in_the_file()))
        .map(|volume| volume.name.as_str())
        .collect();
    if !unused.is_empty() {
        let found = format!("left over from another version: {}", unused.join(", "));
        return DoctorCheck::note(NAME, found, format!("docker volume rm {}", unused.join(" ")));
    }
    match volumes.len() {
        0 => DoctorCheck::ok(NAME, "none yet"),
        some => {
            let advice = "`docker compose down --volumes` deletes them";
            DoctorCheck::ok(NAME, format!("{some}, with jobs and telemetry; {advice}"))
        }
    }
}

/// Containers of other images than compose.yaml specifies.
pub(super) fn versions(plan: &ComposePlan, containers: &[Container]) -> Option<DoctorCheck> {
    let old: Vec<String> = containers
        .iter()
        .filter_map(|container| {
            let wanted = &plan.services.get(&container.service)?.image;
            let differs = *wanted != container.image;
            differs.then(|| format!("{} uses {}, not {wanted}", container.name, container.image))
        })
        .collect();
    let advice =
        "recreate them, keeping their volumes: docker compose up -d --wait --remove-orphans";
    (!old.is_empty()).then(|| DoctorCheck::note("versions", old.join("\n"), advice))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_is_known_by_its_label_not_by_its_name() {
        let labels = "com.docker.compose.project=w,com.docker.compose.volume=nats,x=y".to_owned();
        assert_eq!(Volume { name: "w_nats".into(), labels }.in_the_file(), "nats");
        assert_eq!(Volume { name: "w_nats".into(), labels: String::new() }.in_the_file(), "w_nats");
    }
}
