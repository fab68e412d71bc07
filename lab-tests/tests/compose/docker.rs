//! Docker Compose as a test uses it: a project of its own on free ports, gone with the test.

use std::{
    process::{Command, Output},
    thread,
};

use crate::guarded::repository;

/// Services whose image may be absent where none can be pulled.
const MAY_BE_ABSENT: [&str; 2] = ["tempo", "grafana"];
/// Seconds in which the whole lab must be healthy.
const HEALTHY_SECONDS: &str = "120";
/// Lines of each log shown for a failed test.
const LOG_LINES: &str = "15";

/// A full lab in containers. Dropped: containers, network and volumes are removed.
pub(crate) struct FullLab {
    project: String,
}

impl FullLab {
    /// Starts it from nothing, with this many processors; ends when all parts are healthy.
    pub(crate) fn start(processors: u32) -> Self {
        let lab = Self { project: format!("waybill-test-{:08x}", rand::random::<u32>()) };
        let present = present_services(&lab);
        let scale = format!("processor={processors}");
        let mut arguments = vec!["up", "--detach", "--wait", "--wait-timeout", HEALTHY_SECONDS];
        arguments.extend(["--no-build", "--pull", "never", "--scale", &scale]);
        arguments.extend(present.iter().map(String::as_str));
        lab.run(&arguments);
        lab
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
        docker.args(["--file", "lab-tests/tests/compose/free-ports.yaml"]).args(arguments);
        let output = docker.current_dir(repository()).output();
        output.expect("docker is needed for this test: install it, or run the tests without it")
    }

    /// Where a port of a service is reached from here.
    pub(crate) fn url(&self, service: &str, port: u16) -> String {
        let address = self.run(&["port", service, &port.to_string()]);
        format!("http://{}", address.trim())
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
fn present_services(lab: &FullLab) -> Vec<String> {
    let config: serde_json::Value =
        serde_json::from_str(&lab.run(&["config", "--format", "json"])).unwrap();
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

fn docker(arguments: &str) -> String {
    let output = Command::new("docker").args(arguments.split(' ')).output().unwrap();
    assert!(output.status.success(), "docker {arguments}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}
