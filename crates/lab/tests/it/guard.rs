//! Tests that no child process outlives its supervisor.

use std::{
    io::{BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    process::{Command, Stdio},
    time::Duration,
};

use lab::{Launch, Process, guard};
use rustix::process::{Signal, kill_process_group};
use testkit::eventually;

use crate::processes::{LIMIT, all_end, raw, rig, runs};

#[tokio::test]
async fn no_part_outlives_a_killed_supervisor() {
    let logs = tempfile::tempdir().unwrap();
    let mut supervisor = Command::new(rig())
        .args(["supervise", "--logs"])
        .arg(logs.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(supervisor.stdout.take().unwrap()).lines();
    let parts: Vec<u32> = said.take(2).map(|pid| pid.unwrap().parse().unwrap()).collect();
    assert!(parts.iter().all(|pid| runs(*pid)), "{parts:?}");

    supervisor.kill().unwrap();
    supervisor.wait().unwrap();
    all_end(&parts).await;
}

/// Linux sends the parent-death signal when the thread that forked ends, even if the process runs on.
#[tokio::test]
async fn a_part_outlives_the_thread_that_started_it() {
    let home = tempfile::tempdir().unwrap();
    let log = home.path().join("part.log");
    let mut argv = guard::prefix(&rig());
    argv.extend(["sh", "-c", "echo started; exec sleep 600"].map(Into::into));
    let launch = Launch { argv, env: Vec::new(), log: log.clone() };

    let runtime = tokio::runtime::Handle::current();
    let asking = std::thread::spawn(move || {
        runtime.block_on(async {
            let part = Process::spawn(&launch).await.unwrap();
            eventually(LIMIT, "the start of the part", async || {
                std::fs::read_to_string(&log).is_ok_and(|said| said.contains("started"))
            })
            .await;
            part
        })
    });
    // Not joined in place: the runtime of this test has to turn meanwhile.
    let joined = tokio::task::spawn_blocking(|| asking.join().unwrap());
    let mut part = joined.await.unwrap();

    let end = tokio::time::timeout(Duration::from_millis(300), part.ended());
    assert!(end.await.is_err(), "it ended with the thread");
}

#[cfg(target_os = "linux")]
#[test]
fn a_guarded_command_does_not_start_when_its_parent_has_gone() {
    let out = Command::new(rig())
        .args(["guard", "--parent", "1", "--", "echo", "it ran"])
        .output()
        .unwrap();
    assert!(!out.status.success() && out.stdout.is_empty());
    assert!(String::from_utf8_lossy(&out.stderr).contains("has ended"));
}

#[test]
fn a_guarded_command_that_is_not_there_is_an_error() {
    let parent = std::process::id().to_string();
    let out = Command::new(rig())
        .args(["guard", "--parent", &parent, "--", "/nowhere/at/all"])
        .output()
        .unwrap();
    assert!(!out.status.success());
    assert!(String::from_utf8_lossy(&out.stderr).contains("No such file"));
}

#[tokio::test]
async fn the_portable_guard_ends_its_command_when_standard_input_closes() {
    let mut guard = Command::new(rig())
        .args(["watch", "--", "sh", "-c", "echo $$; exec sleep 600"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(guard.stdout.take().unwrap()).lines();
    let command: u32 = said.next().unwrap().unwrap().parse().unwrap();
    assert!(runs(command));

    drop(guard.stdin.take());
    all_end(&[command]).await;
    eventually(LIMIT, "the end of the guard", async || guard.try_wait().unwrap()).await;
}

#[tokio::test]
async fn the_portable_guard_leaves_a_stop_to_its_command() {
    let script = "trap 'echo draining; exit 0' TERM; echo ready; while :; do sleep 0.01; done";
    let mut guard = Command::new(rig())
        .args(["watch", "--", "sh", "-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    let mut said = BufReader::new(guard.stdout.take().unwrap()).lines();
    assert_eq!(said.next().unwrap().unwrap(), "ready");

    kill_process_group(raw(guard.id()), Signal::TERM).unwrap();
    assert_eq!(said.next().unwrap().unwrap(), "draining");
    let status =
        eventually(LIMIT, "the end of the guard", async || guard.try_wait().unwrap()).await;
    assert!(status.success(), "{status}");
}
