//! `waybill dead` with a real lab, and with hostile dead letters of a fake gateway.

use std::{path::Path, time::Duration};

use serde_json::{Value, json};
use testkit::{LabUnderTest, eventually};

use crate::{
    fake::{Answer, FakeGateway},
    program::{WAYBILL, run},
};

async fn listed(at: &str) -> Vec<Value> {
    let list = run(&format!("dead list --json {at}")).await.expect(0).json();
    list["dead_letters"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn dead_letters_are_shown_redriven_and_deleted() {
    let lab = LabUnderTest::start(Path::new(WAYBILL)).await;
    let at = format!("--port-base {}", lab.ports().gateway);
    assert_eq!(run(&format!("dead list {at}")).await.expect(0).stdout, "no dead letters\n");
    run(&format!("load --malformed 100% --jobs 3 --rate 100 {at}")).await.expect(0);
    let dead_letters = listed(&at).await;
    let seqs: Vec<u64> = dead_letters.iter().map(|one| one["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs.len(), 3, "{dead_letters:?}");
    let shown = run(&format!("dead show {} {at}", seqs[0])).await.expect(0).stdout;
    for text in ["ingester", "malformed", "ce-source: /demo/load", "jobs.submitted.event", "data"] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    let people = run(&format!("dead list {at}")).await.expect(0).stdout;
    assert_eq!(people.lines().filter(|line| line.contains("malformed")).count(), 3, "{people}");

    // It is still malformed: it becomes a new dead letter.
    let again = run(&format!("dead redrive {} --json {at}", seqs[0])).await.expect(0).json();
    assert_eq!((&again["seq"], &again["stage"]), (&seqs[0].into(), &"ingester".into()));
    let newer = async || listed(&at).await.iter().any(|one| one["seq"].as_u64() > Some(seqs[0]));
    eventually(Duration::from_secs(10), "a new dead letter", newer).await;

    let unconfirmed = run(&format!("dead redrive --all {at}")).await.expect(2);
    assert!(
        unconfirmed.stderr.contains("all dead letters") && unconfirmed.stderr.contains("--yes")
    );
    let none = run(&format!("dead redrive --reason no_record --yes --json {at}")).await.expect(0);
    assert_eq!(none.json()["redriven"], 0);
    let one = run(&format!("dead redrive --reason malformed --limit 1 --yes --json {at}")).await;
    assert_eq!(one.expect(0).json()["redriven"], 1);
    eventually(Duration::from_secs(10), "a new dead letter", async || listed(&at).await.len() == 3)
        .await;

    let seq = listed(&at).await[0]["seq"].clone();
    let unconfirmed = run(&format!("dead drop {seq} {at}")).await.expect(2);
    assert!(unconfirmed.stderr.contains("permanently?"), "{}", unconfirmed.stderr);
    let deleted = run(&format!("dead drop {seq} --yes --json {at}")).await.expect(0).json();
    assert_eq!(deleted, json!({ "dropped": [seq] }));
    let gone = run(&format!("dead show {seq} {at}")).await.expect(1);
    assert!(gone.stderr.contains("(404)"), "{}", gone.stderr);
    assert_eq!(listed(&at).await.len(), 2);
}

#[tokio::test]
async fn a_hostile_dead_letter_cannot_control_the_terminal() {
    let evil = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{202e}x\r\ny";
    let gateway = FakeGateway::start(move |request| {
        let dead_letter = json!({
            "seq": 1, "stage": evil, "reason": evil, "detail": evil, "attempts": 1, "dead_at": evil,
            "trace_id": evil, "bytes": 9, "subject": evil, "body_base64": "",
            "headers": [{"name": evil, "value": evil}], "body_text": evil,
        });
        if request.starts_with("GET /v1/dead-letters/1") {
            return Answer::json(200, &dead_letter);
        }
        Answer::json(200, &json!({"dead_letters": [dead_letter], "next_cursor": evil}))
    })
    .await;
    for tool in ["dead list", "dead show 1"] {
        let output = run(&format!("{tool} {}", gateway.at())).await.expect(0).stdout;
        let is_safe = |c: char| c == '\n' || (!c.is_control() && c != '\u{202e}');
        assert!(output.chars().all(is_safe) && output.contains("owned"), "{tool}: {output:?}");
    }
    let question = run(&format!("dead drop 1 {}", gateway.at())).await.expect(2).stderr;
    assert!(!question.contains('\u{1b}'), "{question:?}");
}
