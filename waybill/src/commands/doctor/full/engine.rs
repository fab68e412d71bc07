//! The engine: whether it responds, has Compose, and enough memory, limits and disk space for the lab.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{
    docker::{DockerError, run, run_json},
    plan::ComposePlan,
};
use crate::commands::doctor::{check::DoctorCheck, folder::free_mib};

/// The oldest supported Compose, as major and minor version.
const COMPOSE_OLDEST: (u32, u32) = (2, 20);
/// With less free space for images and volumes than this, in MiB, starts fail.
const ROOM_MIB_MIN: u64 = 2_048;
/// Less than this gives a note: images, and a day of telemetry.
const ROOM_MIB_ENOUGH: u64 = 8_192;

/// `docker version`, the fields that matter.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Versions {
    client: Version,
    server: Option<Version>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    version: String,
}

/// `docker info`, the fields that matter.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Info {
    /// Bytes that containers can have.
    mem_total: u64,
    #[serde(default)]
    memory_limit: bool,
    #[serde(default)]
    cgroup_version: String,
    #[serde(default)]
    docker_root_dir: PathBuf,
}

/// Whether Docker is installed and its engine responds. Not an error by itself: see `Lab`.
pub(super) async fn present() -> Result<DoctorCheck, DoctorCheck> {
    const NAME: &str = "docker";
    const EMBEDDED: &str =
        "needed for the full lab only: the embedded lab (`waybill up`) does not need it";
    match run_json::<Versions>(&["version", "--format", "{{json .}}"]).await {
        Ok(Versions { client, server: Some(server) }) => {
            let found = format!("client {}, engine {}", client.version, server.version);
            Ok(DoctorCheck::ok(NAME, found))
        }
        Ok(Versions { server: None, .. }) => {
            Err(DoctorCheck::failed(NAME, "no response from its engine", EMBEDDED))
        }
        Err(DockerError::NotInstalled) => Err(DoctorCheck::failed(NAME, "not installed", EMBEDDED)),
        Err(error) => {
            let why = error.words();
            let advice = if why.contains("permission denied") {
                "let this user reach the engine (group `docker`), or use the embedded lab"
            } else {
                "start the engine (Docker Desktop, or `sudo systemctl start docker`), or use the embedded lab"
            };
            Err(DoctorCheck::failed(NAME, why, advice))
        }
    }
}

/// Whether `docker compose` is there and new enough.
pub(super) async fn compose() -> DoctorCheck {
    const NAME: &str = "compose";
    let (major, minor) = COMPOSE_OLDEST;
    let advice = format!(
        "install the Compose plugin, {major}.{minor} or newer: https://docs.docker.com/compose/install"
    );
    match run(&["compose", "version", "--short"]).await {
        Err(error) => DoctorCheck::failed(NAME, error.words(), advice),
        Ok(output) => match first_numbers(&output) {
            Some(found) if found >= COMPOSE_OLDEST => DoctorCheck::ok(NAME, output.trim()),
            Some(_) => DoctorCheck::failed(NAME, format!("{} is too old", output.trim()), advice),
            None => DoctorCheck::skipped(NAME, format!("unknown version `{}`", output.trim())),
        },
    }
}

fn first_numbers(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.trim().trim_start_matches('v').split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// The resources of the engine, compared with the limits in `plan`.
pub(super) async fn checks(plan: Option<&ComposePlan>) -> Vec<DoctorCheck> {
    match run_json::<Info>(&["info", "--format", "{{json .}}"]).await {
        Ok(info) => {
            let wanted = plan.map(|plan| plan.memory_bytes() >> 20);
            vec![memory(info.mem_total >> 20, wanted), limits(&info), room(&info.docker_root_dir)]
        }
        Err(error) => {
            vec![DoctorCheck::failed(
                "engine",
                error.words(),
                "check `docker info`, then restart the engine",
            )]
        }
    }
}

fn memory(mib: u64, wanted: Option<u64>) -> DoctorCheck {
    const NAME: &str = "engine memory";
    let advice = "give Docker more (Docker Desktop: Settings, Resources), or use the embedded lab";
    let Some(wanted) = wanted else { return DoctorCheck::ok(NAME, format!("{mib} MiB")) };
    let found = format!("{mib} MiB; the limits of all parts add up to {wanted} MiB");
    match mib {
        _ if mib >= wanted => DoctorCheck::ok(NAME, found),
        _ if mib >= wanted / 2 => DoctorCheck::note(NAME, found, advice),
        _ => DoctorCheck::failed(NAME, found, advice),
    }
}

fn limits(info: &Info) -> DoctorCheck {
    const NAME: &str = "limits";
    let version = if info.cgroup_version.is_empty() { "?" } else { &info.cgroup_version };
    if info.memory_limit {
        return DoctorCheck::ok(NAME, format!("memory limits are enforced (cgroup {version})"));
    }
    let advice = "a leaking part could use all memory of the machine: enable the kernel's memory cgroup \
                  (boot option cgroup_enable=memory)";
    DoctorCheck::note(NAME, format!("memory limits are ignored (cgroup {version})"), advice)
}

/// Free space for images and volumes; unknown if the engine runs in a virtual machine.
fn room(root: &Path) -> DoctorCheck {
    const NAME: &str = "engine disk";
    let free = Some(root).filter(|root| root.is_dir()).and_then(free_mib);
    let Some(free) = free else {
        return DoctorCheck::skipped(NAME, "the disk of the engine is not accessible from here");
    };
    let found = format!("{free} MiB free");
    let advice = "free disk space: `docker system df` shows its use, `docker image prune` removes unused images";
    match free {
        0..ROOM_MIB_MIN => DoctorCheck::failed(NAME, found, advice),
        ROOM_MIB_MIN..ROOM_MIB_ENOUGH => DoctorCheck::note(NAME, found, advice),
        _ => DoctorCheck::ok(NAME, found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::check::CheckStatus;

    #[test]
    fn versions_of_compose_are_parsed() {
        assert_eq!(first_numbers("2.40.3\n"), Some((2, 40)));
        assert_eq!(first_numbers("v2.9.0-desktop.1"), Some((2, 9)));
        assert_eq!(first_numbers("dev"), None);
        assert!(Some(COMPOSE_OLDEST) > first_numbers("2.9.0"), "numbers, not letters");
    }

    #[test]
    fn an_engine_with_less_memory_than_the_parts_may_take_is_noted() {
        let statuses = [1_000, 2_500, 4_000].map(|mib| memory(mib, Some(4_000)).status);
        assert_eq!(statuses, [CheckStatus::Failed, CheckStatus::Note, CheckStatus::Ok]);
    }
}
