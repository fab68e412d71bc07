//! An embedded lab on a full disk: it reports that, and recovers without intervention once there is free space.
//!
//! With the right to mount, the disk is a small file system. Without, the test limits the size of the broker's files,
//! which has the same effect.

use std::{
    fs, io::Write as _, os::unix::fs::PermissionsExt as _, path::Path, process::Command,
    time::Duration,
};

use contract::{JobId, state::JobState};
use lab::{
    LabEvent, Part,
    embedded::{DataDirError, Embedded, EmbeddedOptions, RunningLab, UpError},
};
use lab_tests::{Client, waybill};
use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::{LabUnderTest, eventually};

const LIMIT: Duration = Duration::from_mins(1);
const JOB: &str = "jobs while the disk is full";

/// A small file system; unmounted on drop.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None` with a message if this user may not mount.
    fn of(mib: u32) -> Option<Self> {
        let folder = tempfile::tempdir().expect("temporary files can be written");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"])
            .arg(folder.path())
            .output();
        if mount.is_ok_and(|mount| mount.status.success()) {
            return Some(Self(folder));
        }
        eprintln!("SKIPPED: this user may not mount a small file system");
        None
    }

    fn fill_file(&self) -> std::path::PathBuf {
        self.0.path().join("fill")
    }

    /// Uses all free space, to the last block.
    fn fill(&self) {
        let mut fill = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.fill_file())
            .expect("the file can be written");
        for size in [1 << 16, 1 << 12, 1] {
            while fill.write_all(&vec![b'x'; size]).is_ok() {}
        }
    }

    fn free(&self) {
        fs::remove_file(self.fill_file()).expect("the file is there");
    }

    fn remount(&self, options: &str) -> bool {
        let done = Command::new("mount").args(["-o", options]).arg(self.0.path()).status();
        done.is_ok_and(|status| status.success())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _gone = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

async fn lab_on(disk: &SmallDisk) -> LabUnderTest {
    let data = disk.0.path().join("data");
    LabUnderTest::start_with(&waybill(), |options| options.data_dir = data).await
}

fn job(seconds: u32) -> Value {
    let operation = match seconds {
        0 => json!({"kind": "hash", "text": "x".repeat(8_192), "rounds": 1}),
        _ => json!({"kind": "wait", "seconds": seconds}),
    };
    json!({"name": JOB, "operations": [operation]})
}

/// Submits jobs until one is refused; returns the accepted jobs and the refusal.
async fn until_refused(client: &Client) -> (Vec<JobId>, Value) {
    let mut accepted = Vec::new();
    let refusal = eventually(LIMIT, "a refusal", async || {
        let (status, body) = client.try_submit(&job(0), &[]).await.map_err(|e| e.to_string())?;
        if status == StatusCode::SERVICE_UNAVAILABLE {
            return Ok(body);
        }
        accepted.push(serde_json::from_value(body["id"].clone()).expect("an id"));
        Err(status.to_string())
    })
    .await;
    (accepted, refusal)
}

async fn every_job_succeeds(client: &Client, jobs: &[JobId]) {
    for job in jobs {
        assert_eq!(client.ended(*job, LIMIT).await.state, JobState::Succeeded, "{job}");
    }
}

/// Waits until a job is accepted and ends: the lab has recovered.
async fn heals(lab: &LabUnderTest, client: &Client) {
    let id: JobId = eventually(LIMIT, "a job to be accepted again", async || {
        match client.try_submit(&job(0), &[("idempotency-key", "after")]).await {
            Ok((StatusCode::ACCEPTED, body)) => {
                Ok(serde_json::from_value(body["id"].clone()).expect("an id"))
            }
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    every_job_succeeds(client, &[id]).await;
    eventually(LIMIT, "the output to report the recovery", async || {
        lab.progress()
            .iter()
            .any(|progress| matches!(progress, LabEvent::Healed { part: Part::Nats, .. }))
    })
    .await;
    ready_is(lab, client, true).await;
}

/// Waits for this readiness of gateway and processor.
async fn ready_is(lab: &LabUnderTest, client: &Client, wanted: bool) {
    for admin in [lab.ports().gateway_admin, lab.ports().processor_admin] {
        eventually(LIMIT, &format!("readiness at {admin}"), async || {
            let ready = client.ready(admin).await.ok_or("no answer")?;
            let is_ready = ready["ready"] == true;
            let names_storage = ready.to_string().contains("storage");
            if is_ready == wanted && names_storage { Ok(()) } else { Err("not yet") }
        })
        .await;
    }
}

/// Runs `waybill doctor` in another folder; returns the name and text of each failed check.
fn doctor(lab: &LabUnderTest) -> Vec<(String, String)> {
    let elsewhere = tempfile::tempdir().expect("a folder for temporary files");
    let mut doctor = Command::new(waybill());
    doctor.args(["doctor", "--json", "--lab", "embedded", "--port-base"]);
    doctor.arg(lab.ports().gateway.to_string()).current_dir(elsewhere.path());
    let said = doctor.output().expect("it runs").stdout;
    let said: Value = serde_json::from_slice(&said).expect("it prints JSON");
    let checks = said["checks"].as_array().expect("a list").iter();
    let failed = checks.filter(|check| check["lab"] == "embedded" && check["status"] == "failed");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    failed
        .map(|check| {
            (text(&check["name"]), format!("{} {}", text(&check["found"]), text(&check["advice"])))
        })
        .collect()
}

fn progress_of(lab: &LabUnderTest) -> String {
    lab.progress().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lab_on_a_full_disk_reports_it_and_recovers_once_there_is_space() {
    let Some(disk) = SmallDisk::of(64) else { return };
    let lab = lab_on(&disk).await;
    let client = Client::of(&lab);
    let mut long = Vec::new();
    for _ in 0..5 {
        long.push(client.submit(&job(8)).await.id);
    }
    disk.fill();
    let (accepted, refusal) = until_refused(&client).await;
    assert!(refusal["type"].as_str().unwrap().ends_with("/broker-disk-full"), "{refusal}");
    let detail = refusal["detail"].as_str().unwrap();
    assert!(detail.contains("disk is full") && detail.contains("unknown"), "{detail}");
    let keyed = eventually(LIMIT, "a refusal with a key", async || {
        let key = [("idempotency-key", "full")];
        let (status, body) = client.try_submit(&job(0), &key).await.map_err(|e| e.to_string())?;
        if status == StatusCode::SERVICE_UNAVAILABLE { Ok(body) } else { Err(status.to_string()) }
    })
    .await;
    assert!(
        keyed["detail"].as_str().unwrap().contains("Repeat with the same Idempotency-Key"),
        "{keyed}"
    );
    ready_is(&lab, &client, false).await;
    let failed = doctor(&lab);
    for (name, words) in
        [("disk", "free disk space"), ("nats", "no space left"), ("gateway", "storage")]
    {
        let said = failed.iter().find(|(failed, _)| failed == name);
        assert!(
            said.is_some_and(|(_, said)| said.contains(words)),
            "{name}: {words} in {failed:?}"
        );
    }
    let terminal = progress_of(&lab);
    assert!(
        terminal.contains("no space left") && terminal.contains("recovers by itself"),
        "{terminal}"
    );

    disk.free();
    heals(&lab, &client).await;
    every_job_succeeds(&client, &accepted).await;
    every_job_succeeds(&client, &long).await;
    assert_eq!(doctor(&lab), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lab_on_a_very_small_disk_recovers_repeatedly() {
    let Some(disk) = SmallDisk::of(12) else { return };
    let lab = lab_on(&disk).await;
    let client = Client::of(&lab);
    for _ in 0..2 {
        disk.fill();
        let (accepted, _) = until_refused(&client).await;
        disk.free();
        eventually(LIMIT, "a job to be accepted again", async || {
            client
                .try_submit(&job(0), &[])
                .await
                .is_ok_and(|(status, _)| status == StatusCode::ACCEPTED)
        })
        .await;
        every_job_succeeds(&client, &accepted).await;
    }
    heals(&lab, &client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_disk_is_reported_and_the_lab_continues_once_it_is_writable() {
    let Some(disk) = SmallDisk::of(64) else { return };
    let lab = lab_on(&disk).await;
    let client = Client::of(&lab);
    let before = client.submit(&job(0)).await.id;
    every_job_succeeds(&client, &[before]).await;
    if !disk.remount("remount,ro") {
        // Files that are open for writing prevent a read-only mount.
        eprintln!("SKIPPED: the file system cannot be made read-only under the lab");
        return;
    }
    let (accepted, refusal) = until_refused(&client).await;
    assert!(refusal["type"].as_str().unwrap().contains("/broker-"), "{refusal}");
    assert!(disk.remount("remount,rw"));
    heals(&lab, &client).await;
    every_job_succeeds(&client, &accepted).await;
}

/// Limits the size of every file that the broker writes: larger writes fail.
fn limit_files(lab: &LabUnderTest, bytes: &str) {
    let pid = lab.part(Part::Nats).expect("the lab has a broker").pid.expect("it runs");
    let limit = Command::new("prlimit")
        .args(["--pid", &pid.to_string(), &format!("--fsize={bytes}:")])
        .status();
    assert!(limit.is_ok_and(|status| status.success()), "util-linux has prlimit");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lab_whose_disk_fails_without_being_full_recovers_by_a_restart_of_the_broker() {
    let lab = LabUnderTest::start(&waybill()).await;
    let client = Client::of(&lab);
    let long = client.submit(&job(8)).await.id;
    let accepted = client.submit(&job(0)).await.id;
    limit_files(&lab, "1");
    let key = [("idempotency-key", "one")];
    let refusal = client.try_submit(&job(0), &key).await;
    // The restarted broker has no limit, so the lab may recover before a job is refused.
    assert!(
        refusal.is_ok_and(|(status, _)| status == StatusCode::SERVICE_UNAVAILABLE
            || status == StatusCode::ACCEPTED)
    );
    heals(&lab, &client).await;
    every_job_succeeds(&client, &[long, accepted]).await;
    let terminal = progress_of(&lab);
    assert!(
        terminal.contains("file too large") && terminal.contains("nats is restarted"),
        "{terminal}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lab_does_not_start_on_a_full_disk_and_the_error_has_advice() {
    let Some(disk) = SmallDisk::of(16) else { return };
    disk.fill();
    let mut options = EmbeddedOptions::new(waybill());
    let ports = testkit::PortBlock::claim();
    options.ports = lab::Ports::from_base(ports.base());
    options.data_dir = disk.0.path().to_owned();
    let refused = Embedded::up(options, tokio_util::sync::CancellationToken::new()).await;
    let error = refused.err().expect("there is no room");
    assert!(
        matches!(
            error,
            UpError::DataDir(
                DataDirError::NoRoom { .. } | DataDirError::Files { .. } | DataDirError::Foreign(_)
            )
        ),
        "{error}"
    );
    assert!(error.to_string().contains("--data-dir"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_web_page_can_read_the_brokers_monitor_and_no_other_user_the_data_folder() {
    let lab = LabUnderTest::start(&waybill()).await;
    let monitor = format!("http://127.0.0.1:{}", lab.ports().nats_monitor);
    for path in
        ["", "/", "/varz", "/healthz", "/connz?subs=1", "/jsz?config=1", "/debug/vars", "/%2e/varz"]
    {
        let request = reqwest::Client::new().get(format!("{monitor}{path}"));
        let answer = request.header("origin", "https://evil.example").send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        assert!(!answer.headers().contains_key("access-control-allow-origin"), "{path}");
    }
    let found = RunningLab::find(lab.ports()).expect("it runs");
    assert_eq!(found.data_dir, lab.data_dir());
    let page = found.health_url.expect("it is ours");
    assert_eq!(reqwest::get(&page).await.unwrap().status(), StatusCode::OK);
    closed(lab.data_dir());
}

/// Checks that other users can read no file or folder of the lab.
fn closed(data: &Path) {
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    for folder in ["", "nats", "logs", "spans"] {
        assert_eq!(mode(&data.join(folder)), 0o700, "{folder}");
    }
    for file in ["nats/nats.conf", "nats/health-page"] {
        assert_eq!(mode(&data.join(file)), 0o600, "{file}");
    }
}
