//! `last` and the front page select the user's own jobs in a lab with a trickle.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use testkit::{PortBlock, eventually};

use crate::program::{Ended, Running, command, ended};

const LIMIT: Duration = Duration::from_secs(20);

/// A lab with a trickle of twenty jobs per second.
struct Lively {
    lab: Running,
    at: String,
    console: String,
    _ports: PortBlock,
    folder: TempDir,
}

impl Lively {
    async fn start() -> Self {
        let (ports, folder) =
            (PortBlock::claim(), tempfile::tempdir().expect("a folder for temporary files"));
        let at = format!("--port-base {}", ports.base());
        let mut command = command(["up", "--json", "--trickle", "20", "--data-dir"]);
        command.arg(folder.path().join("data")).args(at.split(' '));
        let mut lab = Running::start(command);
        lab.event("lively").await;
        let console = format!("http://127.0.0.1:{}/", ports.base() + 10);
        Self { lab, at, console, _ports: ports, folder }
    }

    async fn run(&self, line: &str) -> Ended {
        let mut command = command(format!("{line} {}", self.at).split(' '));
        // An earlier test may have had a lab on the same port.
        command.env("XDG_STATE_HOME", self.folder.path());
        ended(command).await
    }

    async fn list(&self, flags: &str) -> Vec<Value> {
        let list = self.run(&format!("job list --json {flags}")).await.expect(0).json();
        list["jobs"].as_array().expect("a list").clone()
    }

    /// Waits until the trickle has submitted more than this many jobs.
    async fn trickles(&self, count: usize) {
        eventually(LIMIT, "the trickle", async || {
            let jobs = self.list("--all --limit 500").await.len();
            if jobs > count { Ok(()) } else { Err(jobs) }
        })
        .await;
    }

    async fn submit(&self, flags: &str) -> String {
        let job = self.run(&format!("job submit --json {flags}")).await.expect(0).json();
        job["id"].as_str().expect("an id").to_owned()
    }
}

#[tokio::test]
async fn last_is_the_users_latest_job_even_if_the_lab_submitted_later_ones() {
    let lively = Lively::start().await;
    for command in ["job show last", "job cancel last", "job retry last", "open last --print"] {
        let none = lively.run(command).await.expect(1);
        let said = &none.stderr;
        assert!(
            said.contains("no job to the lab at") && said.contains("waybill job submit"),
            "{said}"
        );
    }
    let mine = lively.submit("--operation wait:300 --name mine").await;
    let mut before = lively.list("--all --limit 500").await.len();
    for _ in 0..3 {
        lively.trickles(before).await;
        before = lively.list("--all --limit 500").await.len();
        let shown = lively.run("job show last --json").await.expect(0).json();
        assert_eq!((&shown["id"], &shown["source"]), (&mine.clone().into(), &"client".into()));
    }
    lively.run("open last --print").await.expect(0);
    let cancelled = lively.run("job cancel last --wait --json").await.expect(0).json();
    assert_eq!(
        (&cancelled["id"], &cancelled["state"]),
        (&mine.clone().into(), &"cancelled".into())
    );
    let again = lively.run("job retry last --json").await.expect(0).json();
    assert_eq!((&again["id"], &again["round"]), (&mine.into(), &1.into()));
    lively.run("job cancel last --wait").await.expect(0);
    let newer = lively.submit("--preset single --wait").await;
    assert_eq!(lively.run("job show last --json").await.expect(0).json()["id"], newer);
}

#[tokio::test]
async fn lists_omit_the_trickle_and_a_running_job_stays_on_the_front_page() {
    let lively = Lively::start().await;
    let long = lively.submit("--operation wait:300 --name the-long-one").await;
    lively.run("load --jobs 120 --rate 60 --kinds add=1 --wait-limit 60").await.expect(0);
    lively.trickles(130).await;

    let listed = lively.list("--limit 500").await;
    assert!(listed.iter().all(|job| job["source"] == "client"), "{listed:?}");
    let all = lively.list("--all --limit 500").await;
    assert!(all.iter().any(|job| job["source"] == "trickle"), "{all:?}");
    assert!(listed.iter().position(|job| job["id"] == long).unwrap() >= 50, "it is no recent one");

    let page = reqwest::get(&lively.console).await.unwrap().text().await.unwrap();
    let jobs = page.split("id=\"traces\"").next().unwrap();
    assert!(jobs.contains("the-long-one"), "{jobs}");
    assert!(!jobs.contains("random "), "{jobs}");
    let page = reqwest::get(format!("{}?jobs=all", lively.console)).await.unwrap();
    let page = page.text().await.unwrap();
    assert!(page.contains("the-long-one") && page.contains("random "), "{page}");
    lively.run("job cancel last").await.expect(0);

    let pid = lively.lab.child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
    kill_process(pid.expect("it runs"), Signal::INT).expect("it is ours");
}
