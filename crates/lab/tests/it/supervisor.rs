//! Tests of the supervisor with shell scripts as parts.

use std::{sync::Arc, sync::Mutex, time::Duration};

use lab::{
    Part, Ready, Stopped,
    supervisor::{
        PartError, PartSpec, PartState, PartStatus, StartError, Supervisor, SupervisorSettings,
    },
};
use rustix::process::getpgid;
use tempfile::TempDir;
use testkit::eventually;

use crate::{
    fake::listen,
    processes::{LIMIT, all_end, raw, runs, state},
};

const SLEEP: &str = "exec sleep 600";
/// Ignores SIGTERM, after printing a line; only SIGKILL ends it.
const DEAF: &str = "trap '' TERM; echo deaf; while :; do sleep 0.05; done";

struct Bench {
    supervisor: Supervisor,
    reported: Arc<Mutex<Vec<String>>>,
    logs: TempDir,
}

impl Bench {
    fn new() -> Self {
        let logs = tempfile::tempdir().unwrap();
        let (report, reported) = listen();
        let supervisor = Supervisor::new(SupervisorSettings {
            logs: logs.path().to_owned(),
            grace: Duration::from_millis(300),
            report,
        });
        Self { supervisor, reported, logs }
    }

    async fn with(parts: &[(Part, &str)]) -> Self {
        let mut bench = Self::new();
        bench.start_tier(parts).await.unwrap();
        bench
    }

    async fn start_tier(&mut self, parts: &[(Part, &str)]) -> Result<(), StartError> {
        let specs = parts.iter().map(|(part, script)| spec(*part, script));
        self.supervisor.start_tier(specs.collect()).await
    }

    fn status(&self, part: Part) -> PartStatus {
        self.supervisor.part(part).unwrap()
    }

    fn pid(&self, part: Part) -> u32 {
        self.status(part).pid.unwrap()
    }

    async fn says(&self, part: Part, text: &str) {
        eventually(LIMIT, "a line in the log", async || {
            let tail = self.supervisor.log_tail(part);
            if tail.contains(text) { Ok(()) } else { Err(tail) }
        })
        .await;
    }

    fn reported(&self) -> String {
        self.reported.lock().unwrap().join("\n")
    }
}

fn spec(part: Part, script: &str) -> PartSpec {
    PartSpec {
        part,
        argv: vec!["sh".into(), "-c".into(), script.into()],
        env: vec![("GREETING".into(), "hello".into())],
        ready: Ready::AtOnce,
    }
}

#[tokio::test]
async fn a_part_that_dies_is_restarted_counted_and_reported() {
    let bench = Bench::with(&[(Part::Gateway, SLEEP), (Part::Notifier, SLEEP)]).await;
    let (first, neighbour) = (bench.pid(Part::Gateway), bench.pid(Part::Notifier));

    for restarts in 1..=2 {
        bench.supervisor.kill(Part::Gateway).await.unwrap();
        let found = eventually(LIMIT, "the restart", async || {
            let status = bench.status(Part::Gateway);
            let again = status.restarts == restarts && status.state == PartState::Running;
            if again { Ok(status) } else { Err(status) }
        })
        .await;
        assert_ne!(found.pid, Some(first));
    }

    assert!(!runs(first));
    assert_eq!(bench.pid(Part::Notifier), neighbour);
    let reported = bench.reported();
    assert!(reported.contains("gateway ended (signal: 9 (SIGKILL)"), "{reported}");
    assert!(reported.contains("gateway runs again"), "{reported}");
}

#[tokio::test]
async fn a_stopped_part_stays_down_until_it_is_started() {
    let bench = Bench::with(&[(Part::Gateway, SLEEP)]).await;
    let first = bench.pid(Part::Gateway);
    let stopped = bench.supervisor.stop(Part::Gateway).await.unwrap();
    assert_eq!(stopped, Stopped::Drained);
    assert!(!runs(first));
    assert_eq!(bench.status(Part::Gateway).state, PartState::Stopped);
    assert_eq!(bench.status(Part::Gateway).pid, None);

    bench.supervisor.start(Part::Gateway).await.unwrap();
    let second = bench.pid(Part::Gateway);
    assert!(runs(second) && second != first);
    bench.supervisor.start(Part::Gateway).await.unwrap();
    assert_eq!(bench.pid(Part::Gateway), second, "one that runs is left alone");
    assert_eq!(bench.status(Part::Gateway).restarts, 0);
}

#[tokio::test]
async fn a_part_that_does_not_stop_in_time_is_killed_and_returned() {
    let bench = Bench::with(&[(Part::Gateway, DEAF), (Part::Notifier, SLEEP)]).await;
    let pids = [bench.pid(Part::Gateway), bench.pid(Part::Notifier)];
    bench.says(Part::Gateway, "deaf").await;
    assert_eq!(bench.supervisor.stop_all().await, [Part::Gateway]);
    assert!(pids.iter().all(|pid| !runs(*pid)));
}

#[tokio::test]
async fn tiers_stop_in_the_reverse_order_of_their_start() {
    let mut bench = Bench::with(&[(Part::Nats, SLEEP)]).await;
    bench.start_tier(&[(Part::Console, SLEEP)]).await.unwrap();
    bench.start_tier(&[(Part::Gateway, SLEEP)]).await.unwrap();
    assert!(bench.supervisor.stop_all().await.is_empty());

    let reported = bench.reported();
    let stops: Vec<&str> = reported.lines().filter(|line| line.ends_with("stopped")).collect();
    assert_eq!(stops, ["gateway stopped", "console stopped", "nats stopped"]);
}

#[tokio::test]
async fn a_part_that_ends_at_its_start_is_reported_with_its_last_log_lines() {
    let mut bench = Bench::new();
    let listens_never = Ready::Accepts(vec!["127.0.0.1:1".parse().unwrap()]);
    let refusing = PartSpec {
        ready: listens_never,
        ..spec(Part::Gateway, "echo $GREETING; echo cannot bind >&2; exit 3")
    };
    let error = bench.supervisor.start_tier(vec![refusing]).await.unwrap_err();
    let text = error.to_string();
    for part in ["gateway", "exit status: 3", "gateway.log", "hello\ncannot bind"] {
        assert!(text.contains(part), "`{part}` is missing in:\n{text}");
    }
}

#[tokio::test]
async fn a_missing_program_is_an_error_at_the_start() {
    let mut bench = Bench::new();
    let absent = PartSpec { argv: vec!["/nowhere/at/all".into()], ..spec(Part::Gateway, "") };
    let error = bench.supervisor.start_tier(vec![absent]).await.unwrap_err();
    assert!(matches!(error, StartError::Spawn { .. }), "{error}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_paused_part_stands_still_and_can_still_be_stopped() {
    let bench = Bench::with(&[(Part::Gateway, SLEEP)]).await;
    let pid = bench.pid(Part::Gateway);
    let becomes = async |code: char| {
        eventually(LIMIT, "the state of the process", async || {
            let now = state(pid);
            if now == Some(code) { Ok(()) } else { Err(now) }
        })
        .await;
    };
    bench.supervisor.pause(Part::Gateway).await.unwrap();
    becomes('T').await;
    assert_eq!(bench.status(Part::Gateway).state, PartState::Paused);
    bench.supervisor.resume(Part::Gateway).await.unwrap();
    becomes('S').await;
    bench.supervisor.pause(Part::Gateway).await.unwrap();
    assert_eq!(bench.supervisor.stop(Part::Gateway).await.unwrap(), Stopped::Drained);
}

#[tokio::test]
async fn a_part_does_not_receive_the_terminals_interrupt() {
    let bench = Bench::with(&[(Part::Gateway, SLEEP)]).await;
    let pid = raw(bench.pid(Part::Gateway));
    assert_eq!(getpgid(Some(pid)).unwrap(), pid);
    assert_ne!(getpgid(None).unwrap(), pid);
}

#[tokio::test]
async fn a_dropped_supervisor_leaves_nothing_running() {
    // Each with its own child, which would survive if only the part was killed.
    let family = "sleep 600 & echo $!; wait";
    let bench = Bench::with(&[(Part::Gateway, family), (Part::Notifier, DEAF)]).await;
    let said = async || bench.supervisor.log_tail(Part::Gateway).parse::<u32>();
    let child = eventually(LIMIT, "the process id of the child", said).await;
    let pids = [bench.pid(Part::Gateway), bench.pid(Part::Notifier), child];
    drop(bench);
    all_end(&pids).await;
}

#[tokio::test]
async fn the_log_of_the_run_before_is_kept() {
    let mut bench = Bench::new();
    std::fs::write(bench.logs.path().join("gateway.log"), "of yesterday\n").unwrap();
    bench.start_tier(&[(Part::Gateway, "echo of today; exec sleep 600")]).await.unwrap();
    bench.says(Part::Gateway, "of today").await;
    let kept = std::fs::read_to_string(bench.logs.path().join("gateway.log.1")).unwrap();
    assert_eq!(kept, "of yesterday\n");
    assert!(!bench.supervisor.log_tail(Part::Gateway).contains("yesterday"));
}

#[tokio::test]
async fn a_part_that_the_lab_does_not_have_is_named() {
    let bench = Bench::new();
    let refused = bench.supervisor.kill(Part::Processor(7)).await.unwrap_err();
    assert!(matches!(refused, PartError::Absent(Part::Processor(7))));
    assert_eq!(refused.to_string(), "this lab has no processor-7");
}
