//! `waybill doctor` on the full lab: with a fake `docker` that prints recorded output, hangs or fails, without `docker`,
//! and with the real one if there is one.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;
use testkit::PortBlock;

use crate::program::{command, ended};

/// Output of Docker 28 and Compose 2.40, shortened to the fields that are read.
const VERSION: &str = r#"{"Client":{"Version":"28.2.2"},"Server":{"Version":"28.2.2"}}"#;
const INFO: &str =
    r#"{"MemTotal":25276502016,"MemoryLimit":true,"CgroupVersion":"2","DockerRootDir":"/"}"#;
const CONFIG: &str = r#"{"name":"waybill","services":{
  "gateway":{"image":"waybill:1","build":{"context":"."},"mem_limit":"67108864",
    "ports":[{"published":"GATEWAY","target":8080}]},
  "processor":{"image":"waybill:1","build":{"context":"."},"mem_limit":"67108864"},
  "otel-collector":{"image":"otel/collector:2","mem_limit":268435456}},
  "volumes":{"nats":{"name":"waybill_nats"}}}"#;
const IMAGES: &str = "waybill:1\notel/collector:2";
const VOLUMES: &str = r#"{"Name":"waybill_nats","Labels":"com.docker.compose.project=waybill,com.docker.compose.volume=nats"}"#;

/// A fake `docker`: the first words of each call, and the shell script that it runs.
struct Docker(Vec<(&'static str, String)>);

impl Docker {
    /// A working Docker with all images and no container.
    fn new(port: u16) -> Self {
        let said = |text: &str| format!("cat <<'END'\n{text}\nEND");
        Self(vec![
            ("version", said(VERSION)),
            ("info", said(INFO)),
            ("compose version", said("2.40.3")),
            ("compose config", said(&CONFIG.replace("GATEWAY", &port.to_string()))),
            ("compose ps", said("")),
            ("image ls", said(IMAGES)),
            ("volume ls", said(VOLUMES)),
            ("ps", said("")),
            ("inspect", said("")),
        ])
    }

    fn saying(self, call: &'static str, text: &str) -> Self {
        self.running(call, format!("cat <<'END'\n{text}\nEND"))
    }

    fn running(mut self, call: &'static str, shell: String) -> Self {
        let answer = self.0.iter_mut().find(|(known, _)| *known == call);
        answer.expect("doctor makes this call").1 = shell;
        self
    }

    /// Writes the program to `folder`.
    fn write(&self, folder: &Path) {
        let arms = self.0.iter().map(|(call, shell)| format!("'{call} '*)\n{shell}\n;;\n"));
        let script = format!(
            "#!/bin/sh\ncase \"$* \" in\n{}*) echo \"unknown: $*\" >&2; exit 1;;\nesac\n",
            arms.collect::<String>()
        );
        let path = folder.join("docker");
        fs::write(&path, script).expect("temporary files can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
    }
}

/// The environment of `doctor`: unused ports, and a PATH that starts with the folder of the fake `docker`.
struct Place {
    folder: TempDir,
    ports: PortBlock,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("temporary files can be written"),
            ports: PortBlock::claim(),
        }
    }

    /// A port that the embedded lab leaves free.
    fn port(&self) -> u16 {
        self.ports.base() + 12
    }

    /// Runs `waybill doctor --json`; returns its exit code and output.
    async fn ask(&self, docker: &Docker, arguments: &str) -> (Option<i32>, Value) {
        docker.write(self.folder.path());
        let path = format!("{}:/usr/bin:/bin", self.folder.path().display());
        self.ask_with(&path, arguments).await
    }

    async fn ask_with(&self, path: &str, arguments: &str) -> (Option<i32>, Value) {
        let mut doctor = command(["doctor", "--json"]);
        doctor.args(arguments.split_whitespace()).current_dir(self.folder.path());
        doctor.env("WAYBILL_PORT_BASE", self.ports.base().to_string()).env("PATH", path);
        let server = testkit::nats_server_binary().await;
        doctor.env("WAYBILL_NATS_SERVER", server).env_remove("WAYBILL_LAB");
        let ended = ended(doctor).await;
        (ended.code, ended.json())
    }
}

/// Status, what was found and the advice of a check of the full lab.
fn check<'a>(answer: &'a Value, name: &str) -> (&'a str, &'a str, &'a str) {
    let checks = answer["checks"].as_array().expect("a list").iter();
    let found: Vec<_> =
        checks.filter(|check| check["name"] == name && check["lab"] == "full").collect();
    assert_eq!(found.len(), 1, "{name} once in {answer:#}");
    let text = |field: &str| found[0][field].as_str().unwrap_or_default();
    (text("status"), text("found"), text("advice"))
}

#[tokio::test]
async fn a_machine_that_has_everything_passes_all_checks() {
    let place = Place::new();
    let (code, answer) = place.ask(&Docker::new(place.port()), "--lab full").await;
    for name in ["docker", "compose", "engine memory", "limits", "images", "volumes", "full ports"]
    {
        assert_eq!(check(&answer, name).0, "ok", "{name}: {answer:#}");
    }
    assert_eq!((code, &answer["ok"]), (Some(0), &true.into()), "{answer:#}");
    let found = check(&answer, "engine memory").1;
    assert!(found.contains("24105 MiB") && found.contains("384 MiB"), "limits are summed: {found}");
}

#[tokio::test]
async fn without_docker_only_the_full_lab_fails() {
    let place = Place::new();
    let path = place.folder.path().display().to_string();
    let (code, answer) = place.ask_with(&path, "").await;
    let (status, found, advice) = check(&answer, "docker");
    assert_eq!((code, status, found), (Some(0), "note", "not installed"));
    assert!(advice.contains("does not need it"), "{advice}");
    let (code, answer) = place.ask_with(&path, "--lab full").await;
    assert_eq!((code, check(&answer, "docker").0), (Some(1), "failed"));
}

#[tokio::test]
async fn a_docker_that_hangs_times_out() {
    let place = Place::new();
    let docker = Docker::new(place.port()).running("version", "sleep 300; echo".to_owned());
    let started = Instant::now();
    let (code, answer) = place.ask(&docker, "").await;
    let (status, found, _) = check(&answer, "docker");
    assert_eq!((code, status, found), (Some(0), "note", "no response within 10 s"));
    assert!(started.elapsed() < Duration::from_secs(40), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_failing_engine_is_reported_with_advice() {
    let place = Place::new();
    for (said, advised) in [
        ("permission denied while trying to connect to the Docker daemon socket", "group `docker`"),
        ("Cannot connect to the Docker daemon at unix:///var/run/docker.sock.", "start the engine"),
    ] {
        let docker = Docker::new(place.port())
            .running("version", format!("echo '{said}' >&2; echo >&2 more; exit 1"));
        let (code, answer) = place.ask(&docker, "--lab full").await;
        let (status, found, advice) = check(&answer, "docker");
        assert_eq!((code, status, found), (Some(1), "failed", said));
        assert!(advice.contains(advised), "{advice}");
    }
}

#[tokio::test]
async fn problems_of_the_full_lab_are_reported_with_advice() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind(("127.0.0.1", place.port())).unwrap();
    let old = r#"{"Name":"waybill_jaeger","Labels":"com.docker.compose.volume=jaeger"}"#;
    let docker = Docker::new(place.port())
        .saying("compose version", "v2.9.1")
        .saying("info", r#"{"MemTotal":104857600,"MemoryLimit":false,"DockerRootDir":"/nowhere"}"#)
        .saying("image ls", "other:1")
        .saying("volume ls", old);
    let (code, answer) = place.ask(&docker, "--lab full").await;
    assert_eq!(code, Some(1));
    for (name, status, found, advice) in [
        ("compose", "failed", "too old", "2.20"),
        ("engine memory", "failed", "100 MiB", "Resources"),
        ("limits", "note", "ignored", "cgroup_enable"),
        ("engine disk", "skipped", "not accessible", ""),
        ("images", "note", "to be pulled: otel/collector:2", "docker compose pull"),
        ("images", "note", "to be built: waybill:1", "docker compose build"),
        ("volumes", "note", "waybill_jaeger", "docker volume rm waybill_jaeger"),
        ("full ports", "failed", &format!("port {} (gateway) is in use", place.port()), "extras"),
    ] {
        let seen = check(&answer, name);
        assert!(
            seen.0 == status && seen.1.contains(found) && seen.2.contains(advice),
            "{name}: {seen:?}"
        );
    }
    if cfg!(target_os = "linux") {
        let us = format!("(process {})", std::process::id());
        assert!(check(&answer, "full ports").1.contains(&us), "{answer:#}");
    }
    drop(taken);
}

#[tokio::test]
async fn a_container_that_uses_a_port_is_named() {
    let place = Place::new();
    let _taken = std::net::TcpListener::bind(("127.0.0.1", place.port())).unwrap();
    let shop = format!(r#"{{"Names":"shop-web-1","Ports":"127.0.0.1:{}->80/tcp"}}"#, place.port());
    let docker = Docker::new(place.port()).saying("ps", &shop);
    let (code, answer) = place.ask(&docker, "").await;
    let (status, found, _) = check(&answer, "full ports");
    assert!(found.contains("by the container shop-web-1"), "{found}");
    assert_eq!((code, status), (Some(0), "note"), "the embedded lab can start: {answer:#}");
}

#[tokio::test]
async fn each_part_of_a_running_lab_has_its_state_and_health() {
    let place = Place::new();
    let containers = r#"{"Name":"w-gateway-1","Service":"gateway","Image":"waybill:1","State":"running","Health":"unhealthy","ExitCode":0,"Publishers":[{"TargetPort":8080,"PublishedPort":1}]}
{"Name":"w-processor-1","Service":"processor","Image":"waybill:0","State":"exited","Health":"","ExitCode":137,"Publishers":null}"#;
    for said in [containers.to_owned(), format!("[{}]", containers.replace('\n', ","))] {
        let docker = Docker::new(place.port())
            .saying("compose ps", &said)
            .saying("inspect", "it was slow\n\nno space left on device\n");
        let (code, answer) = place.ask(&docker, "--lab full").await;
        for (name, status, found, advice) in [
            (
                "gateway",
                "failed",
                "running, unhealthy: no space left on device",
                "docker compose logs --tail 30 gateway",
            ),
            ("processor", "failed", "exited with code 137", "docker compose up -d"),
            ("otel-collector", "failed", "not started", "docker compose up -d"),
            ("versions", "note", "w-processor-1 uses waybill:0, not waybill:1", "recreate"),
        ] {
            let seen = check(&answer, name);
            assert!(
                seen.0 == status && seen.1.contains(found) && seen.2.contains(advice),
                "{name}: {seen:?}"
            );
        }
        assert_eq!(code, Some(1));
    }
}

#[tokio::test]
async fn another_folder_or_another_compose_project_is_not_mistaken_for_the_lab() {
    let place = Place::new();
    let shop = r#"{"name":"shop","services":{"web":{"image":"web:1"}}}"#;
    let (code, answer) =
        place.ask(&Docker::new(place.port()).saying("compose config", shop), "--lab full").await;
    assert!(check(&answer, "compose.yaml").1.contains("`shop` is another project"), "{answer:#}");
    assert_eq!(code, Some(0), "nothing is known to be wrong");
    let nothing = "echo 'no configuration file provided: not found' >&2; exit 1".to_owned();
    let docker = Docker::new(place.port()).running("compose config", nothing);
    let (_, answer) = place.ask(&docker, "").await;
    assert!(check(&answer, "compose.yaml").2.contains("lab's folder"), "{answer:#}");
}

#[tokio::test]
async fn the_output_of_the_real_docker_of_this_machine_is_parsed_if_there_is_one() {
    let mut doctor = command(["doctor", "--json", "--port-base", "61000"]);
    doctor.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let answer = ended(doctor).await.json();
    if check(&answer, "docker").0 != "ok" {
        eprintln!("NOT CHECKED: no response from Docker");
        return;
    }
    for name in ["compose", "engine memory", "limits", "images", "volumes"] {
        assert_ne!(check(&answer, name).0, "skipped", "{name}: {answer:#}");
    }
}
