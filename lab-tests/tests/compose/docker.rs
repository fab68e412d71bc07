//! Runs Docker Compose for a test: a separate project on free ports, removed after the test.

use std::{
    ffi::OsStr,
    process::{Command, Output},
    sync::{Arc, LazyLock},
    thread,
};

use serde_json::Value;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::broker_with_users::repository;

/// Services that are left out if their image is not on this machine and cannot be pulled.
const MAY_BE_ABSENT: [&str; 3] = ["tempo", "loki", "grafana"];
/// Timeout for the whole lab to be healthy, in seconds.
const HEALTHY_SECONDS: &str = "120";
/// Lines of each log shown for a failed test.
const LOG_LINES: &str = "15";

/// Held by the one running lab: labs are heavy, and their times are measured.
static ONE_AT_A_TIME: LazyLock<Arc<Mutex<()>>> = LazyLock::new(Arc::default);

/// A full lab in containers. Removes containers, network and volumes on drop.
pub(crate) struct FullLab {
    project: String,
    shape: Shape,
    services: Vec<String>,
    _alone: OwnedMutexGuard<()>,
}

/// The variant of a lab.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    /// Replicas of the processor.
    pub(crate) processors: u32,
    /// Additional Compose profile.
    pub(crate) profile: Option<&'static str>,
    /// File of this folder that is merged with `compose.yaml`.
    pub(crate) extras: Option<&'static str>,
    /// Value of `TEST_PORT` for that file.
    pub(crate) port: u16,
}

impl Shape {
    /// The default lab with this number of processors.
    pub(crate) const fn with(processors: u32) -> Self {
        Self { processors, profile: None, extras: None, port: 0 }
    }
}

impl FullLab {
    /// Starts a lab of this shape, and waits until all parts are healthy.
    pub(crate) async fn started(shape: Shape) -> Self {
        let start = move || {
            let lab = Self::new(shape);
            lab.up();
            lab
        };
        tokio::task::spawn_blocking(start).await.unwrap()
    }

    /// Prepares a lab without starting it. Waits until no other test of this process has one.
    pub(crate) fn new(shape: Shape) -> Self {
        let alone = ONE_AT_A_TIME.clone().blocking_lock_owned();
        let project = format!("waybill-test-{:08x}", rand::random::<u32>());
        let mut lab = Self { project, shape, services: Vec::new(), _alone: alone };
        lab.services = present_services(&lab.config());
        lab
    }

    /// Starts all parts, and waits until they are healthy.
    pub(crate) fn up(&self) {
        let scale = format!("processor={}", self.shape.processors);
        let mut arguments = vec!["up", "--detach", "--wait", "--wait-timeout", HEALTHY_SECONDS];
        arguments.extend(["--no-build", "--pull", "never", "--scale", &scale]);
        arguments.extend(self.services.iter().map(String::as_str));
        self.run(&arguments);
    }

    /// Whether the lab has this part; its image may be missing.
    pub(crate) fn has(&self, service: &str) -> bool {
        self.services.iter().any(|present| present == service)
    }

    /// The configuration as resolved by Compose.
    pub(crate) fn config(&self) -> Value {
        serde_json::from_str(&self.run(&["config", "--format", "json"])).unwrap()
    }

    /// Runs `docker compose` on this project; it must succeed.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let output = self.try_run(arguments);
        assert!(output.status.success(), "docker compose {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs `docker compose` on this project; returns its output and status.
    pub(crate) fn try_run(&self, arguments: &[&str]) -> Output {
        let mut docker = self.command("docker");
        docker.arg("compose").args(self.shape.profile.map(|name| format!("--profile={name}")));
        let output = docker.args(arguments).output();
        output.expect("docker is needed for this test: install it, or run the tests without it")
    }

    /// A command with the environment that selects this project.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut files = vec!["compose.yaml".to_owned()];
        let extras = ["free-ports.yaml"].into_iter().chain(self.shape.extras);
        files.extend(extras.map(|file| format!("lab-tests/tests/compose/{file}")));
        let mut command = Command::new(program);
        command.current_dir(repository()).env("COMPOSE_PROJECT_NAME", &self.project);
        command.env("COMPOSE_FILE", files.join(":")).env("TEST_PORT", self.shape.port.to_string());
        command
    }

    /// The response of a URL inside the lab's network.
    pub(crate) fn inside(&self, url: &str) -> String {
        self.run(&["exec", "-T", "otel-collector-probe", "wget", "-qO", "-", url])
    }

    /// The URL of a published port.
    pub(crate) fn url(&self, service: &str, port: u16) -> String {
        let address = self.run(&["port", service, &port.to_string()]);
        format!("http://{}", address.trim())
    }

    /// Ids of the running containers.
    pub(crate) fn containers(&self) -> Vec<String> {
        self.run(&["ps", "--quiet"]).lines().map(str::to_owned).collect()
    }

    /// The image that a service runs.
    pub(crate) fn image(&self, service: &str) -> String {
        self.config()["services"][service]["image"].as_str().unwrap().to_owned()
    }

    /// Process id of a service with one container, on the Docker host.
    pub(crate) fn pid(&self, service: &str) -> String {
        let id = self.run(&["ps", "--quiet", service]);
        docker(&format!("inspect --format {{{{.State.Pid}}}} {}", id.trim())).trim().to_owned()
    }

    /// Anonymous volumes of all containers, including stopped ones.
    pub(crate) fn nameless_volumes(&self) -> Vec<String> {
        let ids = self.run(&["ps", "--all", "--quiet"]);
        let ids = ids.lines().collect::<Vec<_>>().join(" ");
        let names = docker(&format!(
            "inspect --format {{{{range.Mounts}}}}{{{{.Name}}}}|{{{{end}}}} {ids}"
        ));
        let nameless = |name: &&str| name.len() == 64 && !name.contains('_');
        names.split(['|', '\n']).filter(nameless).map(str::to_owned).collect()
    }

    /// Containers and volumes of this project that still exist.
    pub(crate) fn remains(&self) -> String {
        let label = format!("label=com.docker.compose.project={}", self.project);
        ["ps --all --quiet", "volume ls --quiet"]
            .map(|list| docker(&format!("{list} --filter {label}")))
            .concat()
    }

    /// Removes everything, volumes too.
    pub(crate) fn remove(&self) {
        self.try_run(&["--profile", "*", "down", "--volumes", "--timeout", "5"]);
    }
}

impl Drop for FullLab {
    fn drop(&mut self) {
        if thread::panicking() {
            for list in [&["ps", "--all"][..], &["logs", "--no-color", "--tail", LOG_LINES]] {
                eprintln!("{}", String::from_utf8_lossy(&self.try_run(list).stdout));
            }
        }
        self.remove();
    }
}

/// All services except those whose image is not on this machine; prints those to standard error.
fn present_services(config: &Value) -> Vec<String> {
    let services = config["services"].as_object().unwrap().iter();
    let present = services.filter(|(name, service)| {
        let image = service["image"].as_str().unwrap();
        let there = !docker(&format!("images --quiet {image}")).is_empty();
        if !there {
            assert!(
                MAY_BE_ABSENT.contains(&name.as_str()),
                "image {image} of {name} is not here: `docker compose build`, or pull it"
            );
            eprintln!("LEFT OUT: {name}: its image {image} is not on this machine");
        }
        there
    });
    present.map(|(name, _)| name.clone()).collect()
}

/// Runs `docker` with arguments without spaces; it must succeed.
pub(crate) fn docker(arguments: &str) -> String {
    let output = Command::new("docker").args(arguments.split(' ')).output().unwrap();
    assert!(output.status.success(), "docker {arguments}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}
