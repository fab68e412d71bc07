//! Docker Compose as a test uses it: a project of its own on free ports, gone with the test.

use std::{
    process::{Command, Output},
    sync::{Arc, LazyLock},
    thread,
};

use serde_json::Value;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::guarded::repository;

/// Services whose image may be absent where none can be pulled.
const MAY_BE_ABSENT: [&str; 2] = ["tempo", "grafana"];
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
}

impl FullLab {
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

    fn try_run(&self, arguments: &[&str]) -> Output {
        let mut docker = Command::new("docker");
        docker.args(["compose", "--project-name", &self.project, "--file", "compose.yaml"]);
        docker.args(["--file", "lab-tests/tests/compose/free-ports.yaml"]);
        docker.args(self.shape.profile.map(|profile| format!("--profile={profile}")));
        let output = docker.args(arguments).current_dir(repository()).output();
        output.expect("docker is needed for this test: install it, or run the tests without it")
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
