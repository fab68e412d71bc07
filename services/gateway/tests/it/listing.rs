//! Lists of jobs: paged, filtered, and right after whatever happened to the broker.

use contract::{
    JobId,
    api::{JobList, JobView},
    state::JobState,
};
use serde_json::{Value, json};
use testkit::eventually;

use crate::rig::{JOB, LIMIT, Rig, problem};

const WAIT: &str = r#"{"name":"nap","operations":[{"kind":"wait","seconds":0}]}"#;

async fn list(rig: &Rig, query: &str) -> JobList {
    let answer = rig.get(&format!("/v1/jobs{query}")).send().await.unwrap();
    answer.error_for_status().unwrap().json().await.unwrap()
}

async fn pages(rig: &Rig, query: &str) -> Vec<Vec<JobView>> {
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = list(rig, &format!("?{query}{cursor}")).await;
        pages.push(page.jobs);
        match page.next_cursor {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return pages,
        }
    }
}

fn ids(jobs: &[JobView]) -> Vec<JobId> {
    jobs.iter().map(|job| job.id).collect()
}

async fn shows(rig: &Rig, query: &str, count: usize) -> Vec<JobView> {
    eventually(LIMIT, "the list follows", async || {
        let jobs = list(rig, query).await.jobs;
        if jobs.len() == count { Ok(jobs) } else { Err(ids(&jobs)) }
    })
    .await
}

async fn counts(rig: &Rig, state: &str, jobs: u32) {
    eventually(LIMIT, "the gauge follows", async || {
        let count = rig.metric(&format!(r#"waybill_jobs{{state="{state}"}}"#));
        if count == Some(jobs.into()) { Ok(()) } else { Err(count) }
    })
    .await;
}

async fn move_to(rig: &Rig, job: JobId, state: JobState) {
    let records = rig.records().await;
    let record = records.get(job.to_string()).await.unwrap().unwrap();
    let mut record: Value = serde_json::from_slice(&record).unwrap();
    record["state"] = json!(state);
    records.put(job.to_string(), record.to_string().into()).await.unwrap();
}

#[tokio::test]
async fn all_jobs_come_newest_first_and_once_over_all_pages() {
    let rig = Rig::start().await;
    let mut sent = Vec::new();
    for n in 0..120 {
        sent.push(rig.submit(if n % 3 == 0 { WAIT } else { JOB }).await.id);
    }
    sent.sort();
    sent.reverse();
    shows(&rig, "?limit=500", 120).await;
    let by_default = list(&rig, "").await;
    assert_eq!((by_default.jobs.len(), by_default.next_cursor.is_some()), (50, true));
    assert!(by_default.jobs.iter().all(|job| job.results.is_none()));
    let found = pages(&rig, "limit=50").await;
    assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [50, 50, 20]);
    assert_eq!(ids(&found.concat()), sent);

    let naps = pages(&rig, "kind=wait&limit=15").await;
    assert_eq!(naps.iter().map(Vec::len).collect::<Vec<_>>(), [15, 15, 10]);
    assert!(naps.concat().iter().all(|job| job.kind.name() == "wait"));
    for job in &sent[..7] {
        move_to(&rig, *job, JobState::Dead).await;
    }
    let dead = shows(&rig, "?state=dead", 7).await;
    assert_eq!(ids(&dead), sent[..7]);
    assert_eq!(list(&rig, "?state=running").await.jobs, []);
    let both = list(&rig, "?state=dead&kind=wait&limit=500").await.jobs;
    assert_eq!(both.len(), dead.iter().filter(|job| job.kind.name() == "wait").count());
    counts(&rig, "dead", 7).await;
    counts(&rig, "accepted", 113).await;
}

#[tokio::test]
async fn an_invalid_parameter_is_named() {
    let rig = Rig::start().await;
    for (query, name) in [
        ("state=gone", "state"),
        ("kind=fly", "kind"),
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=ten", "limit"),
        ("cursor=x", "cursor"),
        ("source=stranger", "source"),
        ("colour=red", "colour"),
        ("state=dead&state=failed", "state"),
    ] {
        let refused = rig.get(&format!("/v1/jobs?{query}")).send().await.unwrap();
        let problem = problem(refused, 400).await;
        assert!(problem.detail.starts_with(&format!("{name}: ")), "{query}: {}", problem.detail);
    }
}

#[tokio::test]
async fn the_labs_own_jobs_are_omitted_by_default() {
    let rig = Rig::start().await;
    let mine = rig.submit(JOB).await.id;
    for source in ["trickle", "trickle", "canary", "client"] {
        let sent = rig.post("/v1/jobs", JOB).header("waybill-source", source).send().await.unwrap();
        assert_eq!(sent.status(), 202, "{source}");
    }
    shows(&rig, "?source=all", 5).await;
    let by_default = list(&rig, "").await.jobs;
    assert_eq!((by_default.len(), by_default[1].id), (2, mine));
    assert_eq!(list(&rig, "?source=client").await.jobs, by_default);
    let trickle = list(&rig, "?source=trickle&state=accepted").await.jobs;
    assert!(trickle.len() == 2 && trickle.iter().all(|job| job.source.name() == "trickle"));
    assert_eq!(list(&rig, "?source=canary").await.jobs.len(), 1);
    assert_eq!(list(&rig, "?source=all&limit=1").await.jobs.len(), 1);
    counts(&rig, "accepted", 5).await;

    for wrong in ["stranger", "Trickle", ""] {
        let sent = rig.post("/v1/jobs", JOB).header("waybill-source", wrong).send().await.unwrap();
        let problem = problem(sent, 400).await;
        assert!(problem.detail.starts_with("header waybill-source: must be one of"), "{wrong}");
    }
}

#[tokio::test]
async fn jobs_that_expire_leave_the_list() {
    let rig = Rig::start().await;
    let (gone, stays) = (rig.submit(JOB).await.id, rig.submit(JOB).await.id);
    shows(&rig, "", 2).await;
    counts(&rig, "accepted", 2).await;
    rig.records().await.delete(gone.to_string()).await.unwrap();
    assert_eq!(ids(&shows(&rig, "", 1).await), [stays]);
    counts(&rig, "accepted", 1).await;
}

#[tokio::test]
async fn the_list_is_right_again_after_the_broker_was_away() {
    let mut rig = Rig::start().await;
    let before = rig.submit(JOB).await.id;
    shows(&rig, "", 1).await;
    for _ in 0..2 {
        rig.nats.kill().await;
        eventually(LIMIT, "the gateway says that it is not ready", async || {
            rig.ready().await.0 == 503
        })
        .await;
        rig.nats.restart().await;
        rig.becomes_ready().await;
    }
    let after = rig.submit(JOB).await.id;
    move_to(&rig, before, JobState::Failed).await;
    assert_eq!(ids(&shows(&rig, "?state=failed", 1).await), [before]);
    assert_eq!(ids(&shows(&rig, "?state=accepted", 1).await), [after]);
}

#[tokio::test]
async fn a_bucket_that_was_emptied_empties_the_list() {
    let rig = Rig::start().await;
    for _ in 0..5 {
        rig.submit(JOB).await;
    }
    counts(&rig, "accepted", 5).await;
    // No delete marker is left, so the gateway gets no event.
    rig.jetstream.get_stream("KV_JOBS").await.unwrap().purge().await.unwrap();
    shows(&rig, "", 0).await;
    counts(&rig, "accepted", 0).await;
    let job = rig.submit(JOB).await.id;
    assert_eq!(ids(&shows(&rig, "", 1).await), [job]);
}

#[tokio::test]
async fn a_recreated_bucket_is_followed_from_its_start() {
    let mut rig = Rig::start().await;
    for restart in [false, true] {
        for _ in 0..5 {
            rig.submit(JOB).await;
        }
        counts(&rig, "accepted", 5).await;
        rig.jetstream.delete_key_value("JOBS").await.unwrap();
        rig.apply_topology(1 << 20).await;
        if restart {
            rig.nats.stop_gracefully().await;
            rig.nats.restart().await;
        }
        counts(&rig, "accepted", 0).await;
        rig.becomes_ready().await;
        // Its revisions are below those that were seen before.
        let job = rig.submit(JOB).await.id;
        assert_eq!(ids(&shows(&rig, "", 1).await), [job]);
        rig.records().await.delete(job.to_string()).await.unwrap();
        counts(&rig, "accepted", 0).await;
    }
}
