//! Tests of stop signals, sent to this test binary as a child process.

use std::{process::Stdio, time::Duration};

use clap::Parser;
use runtime::stop::{Stop, StopConfig};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::Instant,
};

/// Longest that a step of the test may take.
const STEP_TIME_MAX: Duration = Duration::from_secs(20);

#[derive(Parser)]
struct ProbeArgs {
    #[arg(env = "PROBE_ORDER", default_value = "")]
    order: String,
    #[command(flatten)]
    stop: StopConfig,
}

struct Probe {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Probe {
    /// Starts a process that prints `ready`, `soft` and `hard`, and waits until it is ready.
    async fn start(grace_seconds: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "stop::print_stops", "--ignored", "--nocapture", "--quiet"])
            .env("PROBE_ORDER", "print")
            .env("WAYBILL_GRACE_SECONDS", grace_seconds)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut probe = Self { child, lines };
        probe.wait_for("ready").await;
        probe
    }

    /// Waits for the word and returns how long that took.
    async fn wait_for(&mut self, word: &str) -> Duration {
        let began = Instant::now();
        let heard = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                if line == word {
                    return;
                }
            }
            panic!("ended without printing {word}");
        };
        tokio::time::timeout(STEP_TIME_MAX, heard)
            .await
            .unwrap_or_else(|_| panic!("never printed {word}"));
        began.elapsed()
    }

    fn send(&self, signal: Signal) {
        let id = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }
}

#[tokio::test]
async fn either_signal_stops_softly_and_a_second_one_immediately() {
    for (first, second) in [(Signal::TERM, Signal::INT), (Signal::INT, Signal::TERM)] {
        let mut probe = Probe::start("600").await;
        probe.send(first);
        probe.wait_for("soft").await;
        probe.send(second);
        probe.wait_for("hard").await;
        assert!(probe.child.wait().await.unwrap().success());
    }
}

#[tokio::test]
async fn the_soft_stop_becomes_hard_when_the_grace_is_over_and_not_before() {
    let mut probe = Probe::start("1").await;
    probe.send(Signal::TERM);
    probe.wait_for("soft").await;
    let grace = probe.wait_for("hard").await;
    // The grace period had already started when `soft` was received.
    assert!(grace > Duration::from_millis(500), "{grace:?}");
}

#[tokio::test]
async fn a_stop_triggered_by_a_failed_part_has_the_same_grace() {
    let stop = Stop::on_signals(Duration::from_millis(50)).unwrap();
    stop.trigger_soft();
    tokio::time::timeout(STEP_TIME_MAX, stop.hard.cancelled()).await.unwrap();
}

#[test]
#[ignore = "the other tests start it as a process of its own"]
fn print_stops() {
    let args = ProbeArgs::parse_from(["probe"]);
    if args.order != "print" {
        return;
    }
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let stop = Stop::on_signals(args.stop.grace()).unwrap();
        println!("ready");
        stop.soft.cancelled().await;
        assert!(!stop.hard.is_cancelled());
        println!("soft");
        stop.hard.cancelled().await;
        println!("hard");
    });
}
