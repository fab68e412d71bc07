//! Least privilege at the broker: each user has the permissions of its service, and no others.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::eventually;
use tokio::time::timeout;

use crate::broker_with_users::{Guarded, USERS};

/// Timeout of a job on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn services_work_with_their_own_permissions_and_are_refused_everything_else() {
    let lab = Guarded::start().await;
    jobs_go_through(&lab).await;
    assert_eq!(lab.violations(), [""; 0], "the services ask for nothing that they may not do");
    for user in USERS {
        the_rest_is_refused(&lab, user).await;
    }
    assert!(!lab.lets_in(None).await, "no one connects without a user name");
    assert!(!lab.lets_in(Some(("gateway", "wrong"))).await, "nor with a wrong password");
}

/// Every kind of traffic: results, tiles, keys, retries, dead letters, raw events, lists.
async fn jobs_go_through(lab: &Guarded) {
    let job = |operation: Value| json!({"name": "rights", "operations": [operation]});
    let add = json!({"kind": "add", "inputs": [1, 2]});
    let tile =
        json!({"kind": "render", "width": 32, "height": 32, "center": [-0.5, 0.0], "zoom": 1.0});
    let zero = json!({"kind": "divide", "inputs": [1, 0]});
    let short = json!({"name": "short", "operations": [add.clone()], "attempts_max": 1});
    for (body, header, wanted) in [
        (job(add.clone()), None, "succeeded"),
        (job(tile), None, "succeeded"),
        (job(zero), None, "failed"),
        (job(add.clone()), Some(("idempotency-key", "\"once\"")), "succeeded"),
        (job(add.clone()), Some(("waybill-fault", "processor=error@1")), "succeeded"),
        (job(add), Some(("waybill-fault", "notifier=error@1")), "succeeded"),
        (short, Some(("waybill-fault", "processor=error@9")), "dead"),
    ] {
        let id = submit(lab, &body, header).await;
        becomes(lab, &id, wanted).await;
    }
    submitters_control_their_jobs(lab).await;
    event_is_taken(lab).await;
    eventually(LIMIT, "the lists", async || {
        let jobs = get(&format!("{}/v1/jobs", lab.gateway_url())).await;
        let dead = get(&format!("{}/v1/dead-letters", lab.gateway_url())).await;
        let seen = (jobs["jobs"].as_array()?.len(), dead["dead_letters"].as_array()?.len());
        (seen.0 >= 9 && seen.1 == 0).then_some(())
    })
    .await;
}

/// Every operation of a submitter on an existing job.
async fn submitters_control_their_jobs(lab: &Guarded) {
    let wait = json!({"name": "long", "operations": [{"kind": "wait", "seconds": 600}]});
    let running = submit(lab, &wait, None).await;
    becomes(lab, &running, "running").await;
    order(lab, &format!("jobs/{running}/cancel"), Value::Null).await;
    becomes(lab, &running, "cancelled").await;
    let retrying = submit(lab, &wait, Some(("waybill-fault", "processor=error@3"))).await;
    becomes(lab, &retrying, "retrying").await;
    order(lab, &format!("jobs/{retrying}/cancel"), Value::Null).await;
    becomes(lab, &retrying, "cancelled").await;
    order(lab, &format!("jobs/{retrying}/retry"), Value::Null).await;
    becomes(lab, &retrying, "running").await;
    order(lab, &format!("jobs/{retrying}/cancel"), Value::Null).await;
    becomes(lab, &retrying, "cancelled").await;

    let url = |path: &str| format!("{}/v1/{path}", lab.gateway_url());
    let dead_letters = get(&url("dead-letters")).await;
    let dead_letter = &dead_letters["dead_letters"][0];
    let (seq, job) = (dead_letter["seq"].as_u64().unwrap(), dead_letter["job"].as_str().unwrap());
    assert!(get(&url(&format!("dead-letters/{seq}"))).await["body_text"].is_string());
    order(lab, "dead-letters/redrive", json!({"reason": "attempts_used_up"})).await;
    becomes(lab, job, "succeeded").await;
    assert_eq!(get(&url("queues")).await["stores"].as_array().unwrap().len(), 5);
    let jobs = get(&url("jobs?kind=render")).await;
    let render = jobs["jobs"][0]["id"].as_str().unwrap();
    let image = get(&url(&format!("jobs/{render}/operations/0"))).await;
    let image = image["image"].as_str().unwrap().to_owned();
    let png = reqwest::get(format!("{}{image}", lab.gateway_url())).await.unwrap();
    assert!(png.bytes().await.unwrap().starts_with(b"\x89PNG"), "{:?}", lab.violations());
}

async fn order(lab: &Guarded, path: &str, body: Value) {
    let mut request = reqwest::Client::new().post(format!("{}/v1/{path}", lab.gateway_url()));
    if !body.is_null() {
        request = request.json(&body);
    }
    let answer = request.send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert!(status.is_success(), "{path}: {text} {:?}", lab.violations());
}

pub(crate) async fn becomes(lab: &Guarded, job: &str, wanted: &str) {
    let url = format!("{}/v1/jobs/{job}", lab.gateway_url());
    eventually(LIMIT, &format!("{job} to be {wanted}"), async || {
        let seen = get(&url).await;
        if seen["state"] == wanted { Ok(()) } else { Err(format!("{seen} {:?}", lab.violations())) }
    })
    .await;
}

async fn event_is_taken(lab: &Guarded) {
    let event = json!({
        "specversion": "1.0", "id": "1", "source": "/demo/shop", "type": "dev.waybill.job.submitted",
        "datacontenttype": "application/json",
        "data": {"name": "event", "operations": [{"kind": "add", "inputs": [1, 2]}]},
    });
    let url = format!("{}/v1/events", lab.gateway_url());
    let request = reqwest::Client::new().post(url).body(event.to_string());
    let request = request.header("content-type", "application/cloudevents+json");
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::ACCEPTED, "{}", answer.text().await.unwrap());
}

pub(crate) async fn submit(lab: &Guarded, body: &Value, header: Option<(&str, &str)>) -> String {
    let url = format!("{}/v1/jobs", lab.gateway_url());
    let mut request = reqwest::Client::new().post(url).json(body);
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    let answer = request.send().await.unwrap();
    let (status, answer) = (answer.status(), answer.json::<Value>().await.unwrap());
    assert_eq!(status, StatusCode::ACCEPTED, "{answer} {:?}", lab.violations());
    answer["id"].as_str().unwrap().to_owned()
}

pub(crate) async fn get(url: &str) -> Value {
    let answer = reqwest::get(url).await;
    let Ok(answer) = answer else { return Value::Null };
    answer.json().await.unwrap_or_default()
}

/// Subjects that no user may publish to.
const FORBIDDEN: [&str; 32] = [
    "$JS.API.STREAM.PURGE.TODO",
    "$JS.API.STREAM.PURGE.KV_JOBS",
    "$JS.API.STREAM.PURGE.OBJ_TILES",
    "$JS.API.STREAM.DELETE.TODO",
    "$JS.API.STREAM.PURGE.DEAD",
    "$JS.API.STREAM.DELETE.DEAD",
    "$JS.API.STREAM.MSG.DELETE.KV_JOBS",
    "$JS.API.DIRECT.GET.SUBMITTED",
    "$JS.API.CONSUMER.DELETE.TODO.processor",
    "$JS.API.STREAM.SNAPSHOT.TODO",
    "$JS.API.STREAM.SNAPSHOT.KV_JOBS",
    "$JS.API.STREAM.RESTORE.KV_JOBS",
    "$JS.API.STREAM.MSG.GET.KV_JOBS",
    "$JS.API.STREAM.MSG.GET.DEAD",
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.LIST",
    "$JS.API.STREAM.PEER.REMOVE.TODO",
    "$JS.API.STREAM.LEADER.STEPDOWN.TODO",
    "$JS.API.CONSUMER.NAMES.TODO",
    "$JS.API.CONSUMER.LIST.TODO",
    "$JS.API.CONSUMER.RESET.TODO.processor",
    "$JS.API.CONSUMER.PAUSE.TODO.processor",
    "$JS.API.CONSUMER.UNPIN.TODO.processor",
    "$JS.API.CONSUMER.DELETE.DONE.notifier",
    "$JS.API.ACCOUNT.PURGE.$G",
    "$JS.API.META.LEADER.STEPDOWN",
    "$SYS.REQ.SERVER.PING",
    "$SYS.REQ.ACCOUNT.PING.CONNZ",
    "_INBOX_other.x",
    "jobs.other",
    "$JS.API.CONSUMER.DURABLE.CREATE.TODO.processor",
    "$KV.FAULTS.x",
];

/// Checks operations that no user, or only another user, may do.
async fn the_rest_is_refused(lab: &Guarded, user: &str) {
    let owned = [
        (&["topology"][..], "$JS.API.STREAM.CREATE.X"),
        (&["topology"], "$JS.API.STREAM.UPDATE.TODO"),
        (&["topology"], "$JS.API.STREAM.UPDATE.KV_JOBS"),
        (&["topology"], "$JS.API.STREAM.CREATE.KV_JOBS"),
        (&["topology"], "$JS.API.CONSUMER.CREATE.TODO.spy"),
        (&["topology"], "$JS.API.CONSUMER.CREATE.SUBMITTED.ingester"),
        (&["gateway"], "jobs.submitted.add"),
        (&["gateway"], "jobs.cancel.x"),
        (&["gateway"], "$JS.API.STREAM.MSG.DELETE.DEAD"),
        (&["gateway"], "$JS.API.STREAM.MSG.DELETE.TODO"),
        (&["gateway"], "$JS.API.STREAM.MSG.GET.TODO"),
        (&["gateway"], "$JS.API.DIRECT.GET.PAYLOADS.jobs.payload.x"),
        (&["ingester", "gateway", "processor"], "jobs.payload.x"),
        (&["ingester", "gateway"], "jobs.todo.add"),
        (&["ingester", "processor", "gateway"], "jobs.done.failed"),
        (&["ingester"], "jobs.dead.ingester"),
        (&["ingester"], "$JS.API.CONSUMER.MSG.NEXT.SUBMITTED.ingester"),
        (&["processor"], "jobs.dead.processor"),
        (&["processor"], "$KV.RESULTS.x"),
        (&["processor"], "$O.TILES.M.x"),
        (&["processor"], "$JS.API.CONSUMER.MSG.NEXT.TODO.processor"),
        (&["processor"], "$JS.ACK.TODO.processor.1.1.1.1.1"),
        (&["notifier"], "jobs.dead.notifier"),
        (&["notifier"], "$JS.API.CONSUMER.MSG.NEXT.DONE.notifier"),
    ];
    let (client, mut refusals) = lab.client(user).await;
    let others = owned.iter().filter(|(users, _)| !users.contains(&user));
    let others = others.map(|(_, subject)| *subject);
    for subject in FORBIDDEN.into_iter().chain(others) {
        client.publish(subject, "".into()).await.unwrap();
        refused(&mut refusals, user, subject).await;
    }
    let heard = (user != "processor").then_some("jobs.cancel.*");
    let sniffed =
        ["_INBOX_other.x", "_INBOX_other.>", "_INBOX.>", "*.>", "*.*", "$JS.>", "$JS.ACK.>"];
    let kept = ["jobs.>", ">", "$KV.JOBS.>", "$KV.>", "$O.>", "$SYS.>"];
    for subject in kept.into_iter().chain(sniffed).chain(heard) {
        let _kept = client.subscribe(subject).await.unwrap();
        refused(&mut refusals, user, subject).await;
    }
}

async fn refused(refusals: &mut tokio::sync::mpsc::Receiver<String>, user: &str, subject: &str) {
    let refusal = timeout(LIMIT, refusals.recv()).await;
    let refusal = refusal.unwrap_or_else(|_| panic!("{user} may use {subject}")).unwrap();
    assert!(
        refusal.to_lowercase().contains("permissions violation")
            && refusal.contains(&subject.to_lowercase())
            || refusal.contains(subject),
        "{user} at {subject}: {refusal}"
    );
}
