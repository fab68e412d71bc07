//! Processors killed in containers: by a crash, after which Docker restarts them, and with `docker kill` as in the README.
//! The latter counts as a stop: Docker does not restart them.

use std::process::Stdio;

use lab_tests::{
    Client,
    killed_workers::{check_poison_jobs, check_three_kills, ten_jobs_in_flight_run_again},
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
    task::block_in_place,
};

use crate::{
    backends::Backends,
    docker::{FullLab, Shape},
};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker and the images: make compose-test"]
async fn a_processor_that_crashes_delays_its_jobs_by_one_ack_wait_and_others_not_at_all() {
    let (lab, client) = started().await;
    let crash = async || crash(&lab).await;
    check_three_kills(&client, crash, async || ()).await;
    ten_jobs_in_flight_run_again(&client, crash, async || ()).await;
    check_poison_jobs(&client, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker and the images: make compose-test"]
async fn a_processor_that_is_killed_and_started_by_hand_causes_the_same_delay_as_a_crash() {
    let (lab, client) = started().await;
    // The two commands of the README.
    let compose = |arguments: &[&str]| {
        let mut docker = Command::from(lab.command("docker"));
        docker.arg("compose").args(arguments);
        docker
    };
    let kill = async || drop(run(&mut compose(&["kill", "processor"])).await);
    let start = async || {
        let ids = run(&mut compose(&["ps", "--all", "--quiet", "processor"])).await;
        run(Command::new("docker").arg("start").args(ids.lines())).await;
    };
    check_three_kills(&client, kill, start).await;
    ten_jobs_in_flight_run_again(&client, kill, start).await;
}

async fn started() -> (FullLab, Client) {
    let lab = FullLab::started(Shape::with(1)).await;
    let parts = block_in_place(|| Backends::of(&lab));
    (lab, Client::at(&parts.gateway, &parts.console))
}

/// Kills the process directly, so that Docker takes it for a crash and restarts it within a second. Uses a container in
/// the process namespace of the host, so that no privileges are needed and the daemon may run on another machine.
async fn crash(lab: &FullLab) {
    let (image, pid) = block_in_place(|| (lab.image("nats"), lab.pid("processor")));
    let mut kill = Command::new("docker");
    kill.args(["run", "--rm", "--network=none", "--pid=host", "--user=0:0", "--entrypoint=sh"]);
    kill.args([&image, "-c", &format!("kill -KILL {pid} && echo killed")]);
    let mut kill = kill.stdout(Stdio::piped()).spawn().expect("docker can be started");
    let mut lines = BufReader::new(kill.stdout.take().unwrap()).lines();
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("killed"));
}

/// The output of a command, which must succeed.
async fn run(command: &mut Command) -> String {
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}
