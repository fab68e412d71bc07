//! `waybill up`: start, output, shutdown, and errors at the start.

use std::{path::Path, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use testkit::{PortBlock, eventually};
use tokio::process::Command;

use crate::program::{Running, command, ended, run};

fn up(ports: &PortBlock, data: &Path) -> Command {
    let mut command = command(["up", "--json", "--data-dir"]);
    command.arg(data).args(["--port-base", &ports.base().to_string()]);
    command
}

fn place() -> (PortBlock, TempDir) {
    (PortBlock::claim(), tempfile::tempdir().expect("temporary files can be written"))
}

fn signal(running: &Running, signal: Signal) {
    let pid = running.child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
    kill_process(pid.expect("it runs"), signal).expect("it is ours");
}

#[tokio::test]
async fn a_lab_starts_with_a_complete_trace_is_healthy_and_stops_on_a_signal() {
    let (ports, folder) = place();
    let mut lab = Running::start(up(&ports, &folder.path().join("data")));
    let ready = lab.event("ready").await;
    assert_eq!(ready["gateway_url"], format!("http://127.0.0.1:{}", ports.base()));
    let first = lab.event("first_trace").await;
    assert_eq!(
        (&first["complete"], &first["lacks"]),
        (&true.into(), &serde_json::json!([])),
        "{first}"
    );

    let at =
        format!("--port-base {} --data-dir {}", ports.base(), folder.path().join("data").display());
    let doctor = run(&format!("doctor --json {at}")).await.expect(0).json();
    let checks = doctor["checks"].as_array().unwrap();
    let ready = checks.iter().filter(|check| check["found"] == "ready").count();
    assert_eq!((&doctor["ok"], ready), (&true.into(), 6), "{doctor:#}");

    eventually(Duration::from_secs(10), "the trickle hands jobs in", async || {
        let jobs = run(&format!("job list --all --json --port-base {}", ports.base()))
            .await
            .expect(0)
            .json();
        jobs["jobs"].as_array().is_some_and(|jobs| jobs.len() > 2)
    })
    .await;
    signal(&lab, Signal::INT);
    let end = lab.event("ended").await;
    assert!(end["submitted"].as_u64() > Some(1) && end["refused"] == 0, "{end}");
    assert_eq!((&end["killed"], lab.end().await.code()), (&serde_json::json!([]), Some(0)));
    assert!(ports.is_free(), "everything has ended");
}

#[tokio::test]
async fn no_part_outlives_a_lab_that_is_killed() {
    let (ports, folder) = place();
    let mut lab = Running::start(up(&ports, &folder.path().join("data")));
    lab.event("ready").await;
    signal(&lab, Signal::KILL);
    lab.end().await;
    eventually(Duration::from_secs(5), "every port is free again", async || ports.is_free()).await;
}

#[tokio::test]
async fn a_port_in_use_is_named_before_anything_starts() {
    let (ports, folder) = place();
    let _taken = std::net::TcpListener::bind(("127.0.0.1", ports.base() + 10)).unwrap();
    let refused = ended(up(&ports, &folder.path().join("data"))).await.expect(1);
    let port = format!("port {} (console) is in use", ports.base() + 10);
    assert!(
        refused.stderr.contains(&port) && refused.stderr.contains("--port-base"),
        "{}",
        refused.stderr
    );
    assert!(!refused.stdout.contains("started"), "{}", refused.stdout);

    let doctor = run(&format!("doctor --port-base {}", ports.base())).await.expect(1);
    assert!(
        doctor.stdout.contains(&port) && doctor.stdout.contains("--port-base"),
        "{}",
        doctor.stdout
    );
}

#[tokio::test]
async fn a_data_folder_that_is_not_writable_is_reported_in_one_line() {
    let ports = PortBlock::claim();
    let file = tempfile::NamedTempFile::new().unwrap();
    let refused = ended(up(&ports, &file.path().join("data"))).await.expect(1);
    let said = refused.stderr;
    assert!(said.starts_with("waybill: cannot write") && said.contains("--data-dir"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[tokio::test]
async fn without_a_nats_server_the_error_lists_how_to_get_one() {
    let (ports, folder) = place();
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let mut lab = up(&ports, &folder.path().join("data"));
    lab.env("PATH", &empty)
        .env("WAYBILL_CACHE_DIR", empty.join("cache"))
        .env_remove("WAYBILL_NATS_SERVER");
    let refused = ended(lab).await.expect(1);
    for way in ["no nats-server", "WAYBILL_NATS_SERVER=", "Go", "pip", "https://nats.io/download"] {
        assert!(refused.stderr.contains(way), "{way}: {}", refused.stderr);
    }

    let mut doctor = command(["doctor", "--json"]);
    doctor
        .env("PATH", &empty)
        .env("WAYBILL_CACHE_DIR", empty.join("cache"))
        .env_remove("WAYBILL_NATS_SERVER");
    let checks = ended(doctor).await.expect(1).json();
    assert_eq!((&checks["checks"][0]["status"], &checks["ok"]), (&"failed".into(), &false.into()));
}

#[tokio::test]
async fn a_lab_that_exports_telemetry_elsewhere_reports_that() {
    let (ports, folder) = place();
    let mut command = up(&ports, &folder.path().join("data"));
    command.args(["--trickle", "0", "--otlp-endpoint", "http://127.0.0.1:9"]);
    let mut lab = Running::start(command);
    let first = lab.event("first_trace").await;
    assert_eq!(
        (&first["complete"], &first["lacks"]),
        (&false.into(), &serde_json::Value::Null),
        "{first}"
    );
    signal(&lab, Signal::TERM);
    assert_eq!(lab.event("ended").await["submitted"], 0);
    assert_eq!(lab.end().await.code(), Some(0));
}
