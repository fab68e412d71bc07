//! The output of commands while a worker is silent: `job submit --wait`, `job show`, `job list`, `doctor`, `kill`.

use std::{path::Path, process::Stdio, time::Duration};

use lab::{Part, supervisor::PartState};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use testkit::{LabUnderTest, eventually};
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::Child,
    time::timeout,
};

use crate::program::{WAYBILL, command, run};

const LIMIT: Duration = Duration::from_secs(40);

/// A lab with this ack wait, in seconds.
async fn lab(processors: u16, ack_wait: &str) -> (LabUnderTest, String) {
    let lab = LabUnderTest::start_with(Path::new(WAYBILL), |options| {
        options.processors = processors;
        options.env.push(("WAYBILL_ACK_WAIT_SECONDS".into(), ack_wait.into()));
    })
    .await;
    let at = format!("--port-base {}", lab.ports().gateway);
    (lab, at)
}

/// Starts a command and returns while it runs.
fn start(arguments: &str) -> Child {
    let mut command = command(arguments.split_whitespace());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("it can be run")
}

/// The next line that contains this text.
async fn line_with(from: &mut (impl AsyncBufRead + Unpin), wanted: &str) -> String {
    let mut seen = String::new();
    let read = timeout(LIMIT, async {
        loop {
            let mut line = String::new();
            let bytes = from.read_line(&mut line).await.expect("it prints text");
            seen.push_str(&line);
            assert!(bytes > 0, "it ended before `{wanted}`: {seen}");
            if line.contains(wanted) {
                return line;
            }
        }
    });
    read.await.unwrap_or_else(|_| panic!("not in time: `{wanted}`"))
}

async fn job(id: &str, at: &str) -> Value {
    run(&format!("job show {id} --json {at}")).await.expect(0).json()
}

async fn runs(id: &str, at: &str) -> Value {
    eventually(LIMIT, "it runs", async || {
        let job = job(id, at).await;
        if job["worker"].is_string() { Ok(job) } else { Err(job["state"].clone()) }
    })
    .await
}

/// The id in a line such as `job       01a2… nap`.
fn id_in(line: &str) -> String {
    line.split_whitespace().nth(1).expect("an id").to_owned()
}

#[tokio::test]
async fn submit_with_wait_reports_the_job_its_silent_worker_and_the_take_over() {
    let (lab, at) = lab(1, "4").await;
    let mut wait = start(&format!("job submit --operation wait:8 --name nap --wait --json {at}"));
    let mut stderr = BufReader::new(wait.stderr.take().unwrap());
    let id = id_in(&line_with(&mut stderr, "job ").await);
    let trace = line_with(&mut stderr, "trace ").await;
    assert!(trace.contains(&lab.console_url()), "{trace}");
    let first = runs(&id, &at).await["worker"].as_str().unwrap().to_owned();

    let killed = run(&format!("kill processor --json {at}")).await.expect(0).json();
    assert_eq!(killed["jobs"], serde_json::json!([id]), "{killed}");
    let silent = line_with(&mut stderr, "silent for ").await;
    assert!(silent.contains(&format!("worker {first} silent for ")), "{silent}");
    assert!(silent.contains(" s, take-over in "), "{silent}");
    let taken = line_with(&mut stderr, "taken over by ").await;
    assert!(taken.contains("(interruption 1)") && !taken.contains(&first), "{taken}");
    let mut end = String::new();
    timeout(LIMIT, wait.stdout.take().unwrap().read_to_string(&mut end)).await.unwrap().unwrap();
    let end: Value = serde_json::from_str(&end).expect("one JSON value");
    assert_eq!((&end["state"], &end["interruptions"]), (&"succeeded".into(), &1.into()), "{end:#}");
    assert_eq!(wait.wait().await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn a_suspended_worker_is_shown_by_show_list_and_doctor_until_it_resumes() {
    let (lab, at) = lab(1, "3").await;
    let job = run(&format!("job submit --operation wait:60 --json {at}")).await.expect(0).json();
    let id = job["id"].as_str().unwrap();
    let worker = runs(id, &at).await["worker"].as_str().unwrap().to_owned();
    let data = lab.data_dir().display();
    let doctor = format!("doctor --lab embedded --data-dir {data} {at}");
    let healthy = run(&doctor).await.expect(0).stdout;
    assert!(healthy.contains("one job is running, its lease is being renewed"), "{healthy}");
    lab.pause(Part::Processor(1)).await.expect("it runs");

    let silent = format!("worker {worker} silent for ");
    eventually(LIMIT, "the worker counts as silent", async || {
        let shown = run(&format!("job show {id} {at}")).await.expect(0).stdout;
        if shown.contains(&silent) && shown.contains("take-over") { Ok(()) } else { Err(shown) }
    })
    .await;
    let list = run(&format!("job list {at}")).await.expect(0).stdout;
    assert!(
        list.lines().any(|row| row.contains("running") && row.contains("silent for")),
        "{list}"
    );
    let failed = run(&doctor).await.expect(1).stdout;
    assert!(failed.contains(&silent) && failed.contains(id), "{failed}");
    assert!(!failed.contains("all checks passed"), "{failed}");
    let shown = self::job(id, &at).await;
    assert!(shown["lease"]["silent_ms"].as_u64() > Some(1_000), "{shown:#}");
    assert!(shown["lease"]["takeover_in_ms"].is_u64(), "{shown:#}");

    // A new job shows that there is no worker.
    let fresh = run(&format!("job submit --operation add:1,2 --json {at}")).await.expect(0).json();
    let fresh = fresh["id"].as_str().unwrap();
    eventually(LIMIT, "the fresh job says what it waits for", async || {
        let shown = run(&format!("job show {fresh} {at}")).await.expect(0).stdout;
        if shown.contains("no processor asks for work") { Ok(()) } else { Err(shown) }
    })
    .await;
    lab.resume(Part::Processor(1)).await.expect("it is only suspended");
    run(&format!("job show {fresh} --wait {at}")).await.expect(0);
    run(&format!("job cancel {id} --wait {at}")).await.expect(0);
}

#[tokio::test]
async fn an_interrupted_wait_prints_the_job_and_exits_with_130() {
    let (_lab, at) = lab(1, "10").await;
    for json in ["", "--json"] {
        let submit = format!("job submit --operation wait:60 --name nap --wait {json} {at}");
        let mut wait = start(&submit);
        let mut out = BufReader::new(wait.stdout.take().unwrap());
        let mut err = BufReader::new(wait.stderr.take().unwrap());
        let head = if json.is_empty() {
            line_with(&mut out, "job ").await
        } else {
            line_with(&mut err, "job ").await
        };
        let id = id_in(&head);
        runs(&id, &at).await;
        let pid = wait.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        kill_process(pid.expect("the job to be queued"), Signal::INT).unwrap();
        assert_eq!(timeout(LIMIT, wait.wait()).await.unwrap().unwrap().code(), Some(130));
        let mut said = String::new();
        out.read_to_string(&mut said).await.unwrap();
        if json.is_empty() {
            assert!(said.contains("running") && said.contains("lease"), "{said}");
        } else {
            let job: Value = serde_json::from_str(&said).expect("one JSON value");
            assert_eq!((&job["state"], &job["id"]), (&"running".into(), &id.into()));
        }
    }
}

#[tokio::test]
async fn kill_affects_one_part_of_one_lab_and_prints_what_happens_next() {
    let (lab, at) = lab(2, "10").await;
    let (other, _) = self::lab(1, "10").await;
    let restarts = |part| lab.part(part).expect("it is there").restarts;
    for (name, part) in [
        ("processor-2", Part::Processor(2)),
        ("notifier", Part::Notifier),
        ("gateway", Part::Gateway),
        ("nats", Part::Nats),
    ] {
        let pid = lab.part(part).unwrap().pid.expect("it runs");
        let said = run(&format!("kill {name} {at}")).await.expect(0).stdout;
        assert!(said.contains(&format!("{name} killed (process {pid})")), "{said}");
        assert!(said.contains("what happens next"), "{said}");
        eventually(LIMIT, "it is started again", async || {
            let now = lab.part(part).unwrap();
            now.restarts == 1 && now.state == PartState::Running && now.pid != Some(pid)
        })
        .await;
    }
    assert_eq!(restarts(Part::Processor(1)), 0, "the other replica is left alone");
    assert!(other.parts().iter().all(|part| part.restarts == 0), "and every other lab");
    let absent = run(&format!("kill processor-9 {at}")).await.expect(1);
    assert!(absent.stderr.contains("no processor-9 of an embedded lab"), "{}", absent.stderr);
    run(&format!("kill kitchen {at}")).await.expect(2);
}

#[tokio::test]
async fn a_process_that_is_no_part_of_a_lab_is_not_killed() {
    let ports = testkit::PortBlock::claim();
    let _foreign = std::net::TcpListener::bind(("127.0.0.1", ports.base() + 3)).unwrap();
    let refused = run(&format!("kill processor --port-base {}", ports.base())).await.expect(1);
    let us = format!("(process {}), which is not the processor", std::process::id());
    assert!(refused.stderr.contains(&us), "{}", refused.stderr);
}
