//! Dead letters: listed newest first, with gaps and hostile content; shown with their message; counted when lost.

use async_nats::HeaderMap;
use contract::{
    Stage,
    api::{DeadLetterDetail, DeadLetterList},
    topology::{self, DEAD},
};
use serde_json::Value;
use testkit::eventually;

use crate::{
    redrive::{dead_job, redriven},
    rig::{LIMIT, Rig, problem},
};

const JOB: &str = "019a0000-0000-7000-8000-000000000000";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

async fn dead_letter(rig: &Rig, detail: &str) -> u64 {
    let mut headers = HeaderMap::new();
    headers.insert("waybill-dead-stage", "processor");
    headers.insert("waybill-dead-reason", "attempts_used_up");
    headers.insert("waybill-dead-detail", detail);
    headers.insert("waybill-dead-attempts", "4");
    headers.insert("waybill-original-evil", "</script>\"");
    headers.insert("ce-subject", JOB);
    headers.insert("traceparent", format!("00-{TRACE}-b7ad6b7169203331-01"));
    let subject = topology::dead(Stage::Processor);
    let sent = rig.jetstream.publish_with_headers(subject, headers, "\u{1}{]".into()).await;
    sent.unwrap().await.unwrap().sequence
}

async fn list(rig: &Rig, query: &str) -> DeadLetterList {
    let answer = rig.get(&format!("/v1/dead-letters{query}")).send().await.unwrap();
    answer.error_for_status().unwrap().json().await.unwrap()
}

#[tokio::test]
async fn dead_letters_are_listed_newest_first_over_gaps() {
    let rig = Rig::start().await;
    assert_eq!(list(&rig, "").await, DeadLetterList { dead_letters: vec![], next_cursor: None });
    for n in 1..=130 {
        assert_eq!(dead_letter(&rig, &format!("dead letter {n}")).await, n);
    }
    let stream = rig.jetstream.get_stream("DEAD").await.unwrap();
    for seq in [1, 2, 60, 61, 62, 130] {
        assert!(stream.delete_message(seq).await.unwrap());
    }
    let (mut seqs, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = list(&rig, &format!("?limit=50{cursor}")).await;
        assert!(page.dead_letters.len() <= 50);
        seqs.extend(page.dead_letters.iter().map(|dead_letter| dead_letter.seq));
        match page.next_cursor {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let expected: Vec<u64> = (3..130).rev().filter(|seq| !(60..=62).contains(seq)).collect();
    assert_eq!(seqs, expected);
    for query in ["limit=0", "cursor=x", "cursor=-1", "state=dead"] {
        let refused = rig.get(&format!("/v1/dead-letters?{query}")).send().await.unwrap();
        problem(refused, 400).await;
    }
}

#[tokio::test]
async fn a_dead_letter_shows_what_happened_and_counts_its_bytes() {
    let rig = Rig::start().await;
    dead_letter(&rig, "it said \"<b>\\no</b>\"").await;
    let mut bare = HeaderMap::new();
    bare.insert("waybill-dead-stage", "mailer");
    bare.insert("ce-subject", "../../etc");
    bare.insert("traceparent", "nonsense");
    let subject = topology::dead(Stage::Notifier);
    let sent = rig.jetstream.publish_with_headers(subject, bare, "".into()).await;
    sent.unwrap().await.unwrap();
    let text = rig.get("/v1/dead-letters").send().await.unwrap().text().await.unwrap();
    assert!(!text.contains("evil") && !text.contains("etc"), "{text}");
    let page: Value = serde_json::from_str(&text).unwrap();
    let [strange, dead_letter] = page["dead_letters"].as_array().unwrap().as_slice() else {
        panic!("{text}");
    };
    assert_eq!(dead_letter["stage"], "processor");
    assert_eq!(dead_letter["reason"], "attempts_used_up");
    assert_eq!(dead_letter["detail"], "it said \"<b>\\no</b>\"");
    assert_eq!((&dead_letter["job"], &dead_letter["trace_id"]), (&JOB.into(), &TRACE.into()));
    assert_eq!((&dead_letter["attempts"], &dead_letter["bytes"]), (&4.into(), &3.into()));
    assert!(dead_letter["dead_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!((&strange["stage"], &strange["attempts"]), (&"unknown".into(), &0.into()));
    assert!(strange.get("job").is_none() && strange.get("trace_id").is_none());
}

#[tokio::test]
async fn dead_letters_lost_by_a_full_stream_are_counted_and_deleted_ones_are_not() {
    let rig = Rig::start().await;
    let forgotten = || rig.metric("waybill_dead_letters_forgotten_total");
    assert_eq!(forgotten(), Some(0.0));
    for n in 0..6 {
        rig.dead_letter(
            Stage::Processor,
            "jobs.todo.add",
            &[("x-n", &n.to_string())],
            b"x".to_vec(),
        )
        .await;
    }
    let (_, driven) = dead_job(&rig).await;
    redriven(&rig, driven).await;
    let deleted = rig.http.delete(format!("{}/v1/dead-letters/2", rig.api)).send().await.unwrap();
    assert_eq!(deleted.status(), 204);
    // Five are left; two have room.
    let mut dead = rig.jetstream.get_stream(DEAD.name).await.unwrap().cached_info().config.clone();
    dead.max_messages = 2;
    rig.jetstream.update_stream(dead).await.unwrap();
    assert_eq!(rig.dead_letters().await, [5, 6]);
    eventually(LIMIT, "three to be counted", async || match forgotten() {
        Some(3.0) => Ok(()),
        other => Err(other),
    })
    .await;
}

#[tokio::test]
async fn a_dead_letter_shows_its_original_message() {
    let rig = Rig::start().await;
    let seq = rig
        .dead_letter(Stage::Processor, "jobs.todo.add", &[("x-own", "1")], b"\xff{".to_vec())
        .await;
    let answer = rig.get(&format!("/v1/dead-letters/{seq}")).send().await.unwrap();
    let detail: DeadLetterDetail = answer.json().await.unwrap();
    assert_eq!((detail.letter.seq, detail.letter.stage.as_str()), (seq, "processor"));
    assert_eq!((detail.body_base64.as_str(), detail.body_text), ("/3s=", None));
    assert_eq!(detail.subject, "jobs.todo.add");
    assert_eq!((detail.headers.len(), detail.headers[0].value.as_str()), (1, "1"));
    let seq = rig.dead_letter(Stage::Processor, "jobs.todo.add", &[], "h\u{e4}".into()).await;
    let answer = rig.get(&format!("/v1/dead-letters/{seq}")).send().await.unwrap();
    let detail: DeadLetterDetail = answer.json().await.unwrap();
    assert_eq!(detail.body_text.as_deref(), Some("h\u{e4}"));
}
