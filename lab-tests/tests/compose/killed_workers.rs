//! Processors that are killed in containers: by a crash, after which Docker starts them again, and by hand, as the README
//! has it, after which it stays down. `docker kill` counts as a stop: it overrules the restart policy.

use std::process::Stdio;

use lab_tests::{
    Client,
    killed_workers::{
        poison_jobs_end_alone, ten_jobs_in_flight_run_again, three_kills_cost_one_ack_wait_each,
    },
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
async fn a_processor_that_crashes_costs_its_jobs_one_ack_wait_and_others_nothing() {
    let (lab, client) = started().await;
    let crash = async || crash(&lab).await;
    three_kills_cost_one_ack_wait_each(&client, crash, async || ()).await;
    ten_jobs_in_flight_run_again(&client, crash, async || ()).await;
    poison_jobs_end_alone(&client, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker and the images: make compose-test"]
async fn a_processor_that_is_killed_and_started_by_hand_costs_no_more_than_one_that_crashes() {
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
    three_kills_cost_one_ack_wait_each(&client, kill, start).await;
    ten_jobs_in_flight_run_again(&client, kill, start).await;
}

async fn started() -> (FullLab, Client) {
    let lab = FullLab::started(Shape::with(1)).await;
    let parts = block_in_place(|| Backends::of(&lab));
    (lab, Client::at(&parts.gateway, &parts.console))
}

/// Kills the process, and not by way of Docker, which sees it end as it would a crash. From a container in the host's
/// process namespace, so that it works wherever the daemon runs and whoever calls it. Ends as soon as it is done, for
/// Docker starts the processor again within a second.
async fn crash(lab: &FullLab) {
    let (image, pid) = block_in_place(|| (lab.image("nats"), lab.pid("processor")));
    let mut kill = Command::new("docker");
    kill.args(["run", "--rm", "--network=none", "--pid=host", "--user=0:0", "--entrypoint=sh"]);
    kill.args([&image, "-c", &format!("kill -KILL {pid} && echo killed")]);
    let mut kill = kill.stdout(Stdio::piped()).spawn().expect("docker can be started");
    let mut lines = BufReader::new(kill.stdout.take().unwrap()).lines();
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("killed"));
}

/// What it prints; it must succeed.
async fn run(command: &mut Command) -> String {
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}
