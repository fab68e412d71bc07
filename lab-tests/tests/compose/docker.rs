//! Docker Compose as a test uses it: a project of its own on free ports, gone with the test.

use std::{
    ffi::OsStr,
    process::{Command, Output},
    sync::{Arc, LazyLock},
    thread,
};

use serde_json::Value;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::guarded::repository;

/// Services whose image may be absent where none can be pulled: their tests name what they leave out.
const MAY_BE_ABSENT: [&str; 3] = ["tempo", "loki", "grafana"];
/// Seconds in which the whole lab must be healthy.
const HEALTHY_SECONDS: &str = "120";
/// Lines of each log shown for a failed test.
const LOG_LINES: &str = "15";

/// Labs are heavy and their times are measured: one at a time.
static ONE_AT_A_TIME: LazyLock<Arc<Mutex<()>>> = LazyLock::new(Arc::default);

/// A full lab in containers. Dropped: containers, network and volumes are removed.
pub(crate) struct FullLab {
    project: String,
    shape: Shape,
    services: Vec<String>,
    _alone: OwnedMutexGuard<()>,
}

/// What a lab consists of.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    /// Replicas of the processor.
    pub(crate) processors: u32,
    /// A profile to start as well.
    pub(crate) profile: Option<&'static str>,
    /// A file of this folder that is merged into `compose.yaml`.
    pub(crate) extras: Option<&'static str>,
    /// What that file reads as `TEST_PORT`.
    pub(crate) port: u16,
}

impl Shape {
    /// The lab as it is, with so many processors.
    pub(crate) const fn with(processors: u32) -> Self {
        Self { processors, profile: None, extras: None, port: 0 }
    }
}

impl FullLab {
    /// Starts a lab of this shape; all of its parts are healthy.
    pub(crate) async fn started(shape: Shape) -> Self {
        let start = move || {
            let lab = Self::new(shape);
            lab.up();
            lab
        };
        tokio::task::spawn_blocking(start).await.unwrap()
    }

    /// Prepares a lab and starts nothing. Waits until no other test of this process has one.
    pub(crate) fn new(shape: Shape) -> Self {
        let alone = ONE_AT_A_TIME.clone().blocking_lock_owned();
        let project = format!("waybill-test-{:08x}", rand::random::<u32>());
        let mut lab = Self { project, shape, services: Vec::new(), _alone: alone };
        lab.services = present_services(&lab.config());
        lab
    }

    /// Starts what does not run; ends when all parts are healthy.
    pub(crate) fn up(&self) {
        let scale = format!("processor={}", self.shape.processors);
        let mut arguments = vec!["up", "--detach", "--wait", "--wait-timeout", HEALTHY_SECONDS];
        arguments.extend(["--no-build", "--pull", "never", "--scale", &scale]);
        arguments.extend(self.services.iter().map(String::as_str));
        self.run(&arguments);
    }

    /// Whether this part runs here; its image may be absent.
    pub(crate) fn has(&self, service: &str) -> bool {
        self.services.iter().any(|present| present == service)
    }

    /// The configuration as Compose reads it.
    pub(crate) fn config(&self) -> Value {
        serde_json::from_str(&self.run(&["config", "--format", "json"])).unwrap()
    }

    /// Runs `docker compose` on this project; it must succeed.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let output = self.try_run(arguments);
        assert!(output.status.success(), "docker compose {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs `docker compose` on this project, whatever comes of it.
    pub(crate) fn try_run(&self, arguments: &[&str]) -> Output {
        let mut docker = self.command("docker");
        docker.arg("compose").args(self.shape.profile.map(|name| format!("--profile={name}")));
        let output = docker.args(arguments).output();
        output.expect("docker is needed for this test: install it, or run the tests without it")
    }

    /// A command for which this project is the one that Compose means.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut files = vec!["compose.yaml".to_owned()];
        let extras = ["free-ports.yaml"].into_iter().chain(self.shape.extras);
        files.extend(extras.map(|file| format!("lab-tests/tests/compose/{file}")));
        let mut command = Command::new(program);
        command.current_dir(repository()).env("COMPOSE_PROJECT_NAME", &self.project);
        command.env("COMPOSE_FILE", files.join(":")).env("TEST_PORT", self.shape.port.to_string());
        command
    }

    /// The answer of this URL inside the lab, where the collector is and what it scrapes.
    pub(crate) fn inside(&self, url: &str) -> String {
        self.run(&["exec", "-T", "otel-collector-probe", "wget", "-qO", "-", url])
    }

    /// Where a port of a service is reached from here.
    pub(crate) fn url(&self, service: &str, port: u16) -> String {
        let address = self.run(&["port", service, &port.to_string()]);
        format!("http://{}", address.trim())
    }

    /// The ids of its running containers.
    pub(crate) fn containers(&self) -> Vec<String> {
        self.run(&["ps", "--quiet"]).lines().map(str::to_owned).collect()
    }

    /// The image that a service runs.
    pub(crate) fn image(&self, service: &str) -> String {
        self.config()["services"][service]["image"].as_str().unwrap().to_owned()
    }

    /// The process of a service that has one container, as the machine that Docker runs on numbers it.
    pub(crate) fn pid(&self, service: &str) -> String {
        let id = self.run(&["ps", "--quiet", service]);
        docker(&format!("inspect --format {{{{.State.Pid}}}} {}", id.trim())).trim().to_owned()
    }

    /// The volumes of its containers, ended ones too, that have no name of their own.
    pub(crate) fn nameless_volumes(&self) -> Vec<String> {
        let ids = self.run(&["ps", "--all", "--quiet"]);
        let ids = ids.lines().collect::<Vec<_>>().join(" ");
        let names = docker(&format!(
            "inspect --format {{{{range.Mounts}}}}{{{{.Name}}}}|{{{{end}}}} {ids}"
        ));
        let nameless = |name: &&str| name.len() == 64 && !name.contains('_');
        names.split(['|', '\n']).filter(nameless).map(str::to_owned).collect()
    }

    /// What is still there of this project: containers and volumes.
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

/// All services but those whose image is not on this machine; these are named on standard error.
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

/// Runs `docker` with arguments that hold no blanks; it must succeed.
pub(crate) fn docker(arguments: &str) -> String {
    let output = Command::new("docker").args(arguments.split(' ')).output().unwrap();
    assert!(output.status.success(), "docker {arguments}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}
