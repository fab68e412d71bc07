//! Settings of a whole lab: what a user says reaches the part that it is for.

use std::time::Duration;

use async_nats::jetstream::{self, consumer::pull};
use rustix::process::{Pid, Signal, kill_process};
use testkit::PortBlock;
use tokio::process::Command;

use crate::program::{Running, command, run};

fn up(ports: &PortBlock, data: &std::path::Path) -> Command {
    let mut command = command(["up", "--json", "--trickle", "0", "--data-dir"]);
    command.arg(data).args(["--port-base", &ports.base().to_string()]);
    command
}

async fn ack_wait_of_the_processor(nats_url: &str) -> Duration {
    let client = async_nats::connect(nats_url).await.expect("the broker runs");
    let stream = jetstream::new(client).get_stream("TODO").await.expect("it was made");
    let consumer = stream.get_consumer::<pull::Config>("processor").await.expect("it was made");
    consumer.cached_info().config.ack_wait
}

#[tokio::test]
async fn the_ack_wait_of_a_lab_is_chosen_by_flag_or_by_variable() {
    for (flags, variables, seconds) in [
        (["--ack-wait", "2s"].as_slice(), [].as_slice(), 2),
        (&[], &[("WAYBILL_ACK_WAIT", "3")], 3),
        (&["--ack-wait", "2s"], &[("WAYBILL_ACK_WAIT_SECONDS", "9")], 2),
        (&[], &[("WAYBILL_ACK_WAIT_SECONDS", "1.5")], 1),
    ] {
        let (ports, folder) = (PortBlock::claim(), tempfile::tempdir().unwrap());
        let mut lab = up(&ports, &folder.path().join("data"));
        let mut lab = Running::start({
            lab.args(flags).envs(variables.iter().copied());
            lab
        });
        let ready = lab.event("ready").await;
        let found = ack_wait_of_the_processor(ready["nats_url"].as_str().unwrap()).await;
        assert_eq!(found.as_secs(), seconds, "{flags:?} {variables:?}");
        let pid = lab.child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        kill_process(pid.expect("it runs"), Signal::INT).expect("it is ours");
        assert_eq!(lab.end().await.code(), Some(0));
    }
}

#[tokio::test]
async fn an_ack_wait_out_of_bounds_is_refused_with_what_is_allowed() {
    for command in ["up", "topology apply"] {
        for wrong in ["0.5s", "6m", "soon", "-2s"] {
            let refused = run(&format!("{command} --ack-wait={wrong}")).await.expect(2);
            let said = "must be a duration from 1s to 5m";
            assert!(refused.stderr.contains(said), "{command} {wrong}: {}", refused.stderr);
        }
    }
}
