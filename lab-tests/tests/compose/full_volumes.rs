//! A full volume: the affected service reports it, no accepted job is lost, and everything recovers once there is free
//! space.

use std::time::Duration;

use contract::{api::JobAccepted, state::JobState};
use lab_tests::waybill;
use serde_json::{Value, json};
use testkit::eventually;
use tokio::task::block_in_place;

use crate::{
    backends::Backends,
    docker::{FullLab, Shape, docker},
};

/// Timeout for a full disk to be reported, and for the recovery.
const LIMIT: Duration = Duration::from_mins(1);
/// The error of the kernel and of the broker.
const NO_ROOM: &str = "no space left on device";
/// The error of the services, from the broker's health.
const DISK_FULL: &str = "broker's disk is full";
/// The error of Loki, which rejects lines on a disk that is 90 % full.
const LOKI_NO_ROOM: &str = "disk usage exceeded threshold";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker and the images: make compose-test"]
async fn a_full_volume_is_reported_and_the_lab_recovers_once_there_is_space() {
    let shape = Shape { extras: Some("full-volumes.yaml"), ..Shape::with(1) };
    let lab = FullLab::started(shape).await;
    let parts = Backends::of(&lab);
    if lab.has("loki") {
        loki_without_room(&lab, &parts).await;
    } else {
        eprintln!("NOT JUDGED: a full volume of Loki: it is not here");
    }
    nats_without_room(&lab, &parts).await;
}

/// Jobs are not affected; Loki reports the full disk and has the lines later.
async fn loki_without_room(lab: &FullLab, parts: &Backends) {
    fill(lab, "loki");
    let jobs = [submit(parts).await, submit(parts).await];
    for job in &jobs {
        assert_eq!(parts.ended(job).await.state, JobState::Succeeded);
    }
    says(lab, "loki", LOKI_NO_ROOM).await;
    empty(lab, "loki");
    for job in [&jobs[0], &jobs[1], &submit(parts).await] {
        let trace = &job.trace_id;
        parts.line(LIMIT, &format!("{{service_name=\"processor\"}} | trace_id=\"{trace}\"")).await;
    }
}

/// New jobs are refused with the reason; accepted jobs end later.
async fn nats_without_room(lab: &FullLab, parts: &Backends) {
    fill(lab, "nats");
    let accepted = until_refused(parts).await;
    says(lab, "nats", NO_ROOM).await;
    for service in ["gateway", "ingester", "processor", "notifier"] {
        readiness(lab, service, "storage", DISK_FULL).await;
    }
    eventually(LIMIT, "the broker's health to say why", async || {
        let health = block_in_place(|| health(lab, "nats"));
        if health.starts_with("unhealthy") && health.contains(NO_ROOM) {
            Ok(())
        } else {
            Err(health)
        }
    })
    .await;
    let report = block_in_place(|| doctor(lab, "nats"));
    for words in ["unhealthy", NO_ROOM, "docker compose logs"] {
        assert!(report.contains(words), "{words} in {report}");
    }
    empty(lab, "nats");
    eventually(LIMIT, "the broker to be healthy again", async || {
        let health = block_in_place(|| health(lab, "nats"));
        if health.starts_with("healthy") { Ok(()) } else { Err(health) }
    })
    .await;
    let fresh = eventually(LIMIT, "the gateway to take a job", async || {
        let answer = parts.try_submit(&job()).await.map_err(|error| error.to_string())?;
        if answer.status() != 202 {
            return Err(answer.text().await.unwrap());
        }
        Ok(answer.json::<JobAccepted>().await.unwrap())
    })
    .await;
    for job in accepted.iter().chain([&fresh]) {
        assert_eq!(parts.ended(job).await.state, JobState::Succeeded);
    }
    println!("{} jobs were accepted before the disk was full, and are done", accepted.len());
    readiness(lab, "gateway", "", "").await;
}

/// Submits jobs until one is refused because of the full disk; returns the accepted jobs.
async fn until_refused(parts: &Backends) -> Vec<JobAccepted> {
    let mut accepted = Vec::new();
    let mut others = 0;
    let refusal: Value = eventually(LIMIT, "a job to be refused for the full disk", async || {
        let answer = parts.try_submit(&job()).await.map_err(|error| error.to_string())?;
        if answer.status() == 202 {
            accepted.push(answer.json().await.unwrap());
            return Err("202".to_owned());
        }
        assert!(answer.headers().contains_key("retry-after"), "{answer:?}");
        assert_eq!(answer.status(), 503);
        let refusal: Value = answer.json().await.unwrap();
        if refusal["type"].as_str().unwrap().ends_with("/broker-disk-full") {
            return Ok(refusal);
        }
        // The broker's health is checked once per second: before that, the reason is still unknown.
        others += 1;
        Err(refusal.to_string())
    })
    .await;
    let detail = refusal["detail"].as_str().unwrap();
    assert!(detail.to_lowercase().contains(DISK_FULL), "{refusal}");
    assert!(detail.contains("Free some space"), "{refusal}");
    println!("MEASURED: refusals before the one that names the full disk: {others}");
    accepted
}

/// Waits until a service is not ready because of this check, with these words; without words, until it is ready.
async fn readiness(lab: &FullLab, service: &str, check: &str, words: &str) {
    let probe = ["exec", "-T", service, "/waybill", "probe", "http://127.0.0.1:9100/readyz"];
    eventually(LIMIT, &format!("the readiness of {service}: {words}"), async || {
        let output = block_in_place(|| lab.try_run(&probe));
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let is_ready = output.status.success();
        let wanted = if words.is_empty() { is_ready } else { !is_ready && stderr.contains(check) };
        if wanted && stderr.contains(words) { Ok(()) } else { Err(stderr) }
    })
    .await;
}

fn job() -> Value {
    json!({"name": "no room", "operations": [{"kind": "add", "inputs": [1, 2]}]})
}

async fn submit(parts: &Backends) -> JobAccepted {
    parts.submit(&job(), None).await
}

fn fill(lab: &FullLab, volume: &str) {
    let command = format!("cat /dev/zero > /{volume}/filler");
    let output = block_in_place(|| lab.try_run(&["exec", "-T", "filler", "sh", "-c", &command]));
    let stderr = String::from_utf8_lossy(&output.stderr).to_lowercase();
    assert!(stderr.contains(NO_ROOM), "{volume} is full: {stderr}");
}

fn empty(lab: &FullLab, volume: &str) {
    block_in_place(|| lab.run(&["exec", "-T", "filler", "rm", &format!("/{volume}/filler")]));
}

/// Waits until the log of the part contains these words.
async fn says(lab: &FullLab, part: &str, words: &str) {
    eventually(LIMIT, &format!("{part} to say that there is no room"), async || {
        let log = block_in_place(|| lab.run(&["logs", "--no-color", part]));
        if log.contains(words) {
            Ok(())
        } else {
            Err(log.lines().last().unwrap_or_default().to_owned())
        }
    })
    .await;
}

/// Health of a part and the last output of its check.
fn health(lab: &FullLab, part: &str) -> String {
    let id = lab.run(&["ps", "--quiet", part]);
    let form = "{{.State.Health.Status}}|{{range.State.Health.Log}}{{.Output}}{{end}}";
    docker(&format!("inspect --format {form} {}", id.trim()))
}

/// The doctor's finding about one part.
fn doctor(lab: &FullLab, part: &str) -> String {
    let output =
        lab.command(waybill()).args(["doctor", "--lab", "full", "--json"]).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let checks = report.as_array().or(report["checks"].as_array()).unwrap();
    checks.iter().find(|check| check["name"] == part).unwrap_or(&report).to_string()
}
