//! Log lines that are small on the wire and large in memory.

use crate::{
    attack::{Hostile, survives},
    wire::{EXPORT_BYTES_MAX, attribute, export, field, filled, fixed64, joined},
};

const LARGE: usize = EXPORT_BYTES_MAX - 1_000;
/// The largest allowed log line, encoded.
const LINE_BYTES: usize = 250_000;

fn many(n: u128, more: &[u8]) -> Vec<u8> {
    let trace = field(9, n.to_be_bytes());
    let line = field(2, [&fixed64(1, 1_760_000_000_000_000_000), &trace[..], more].concat());
    export(&field(1, attribute("service.name", "hostile")), &filled(LARGE - 100, &line))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures memory and times: make hostile"]
async fn empty_lines_and_json_lines_stay_within_the_budget() {
    let json = format!(
        "{{\"resourceLogs\":[{{\"scopeLogs\":[{{\"logRecords\":[{}{{}}]}}]}}]}}",
        "{},".repeat((LARGE - 500) / 3)
    );
    survives(vec![
        Hostile::protobuf("empty lines", "logs", export(&[], &filled(LARGE, &field(2, [])))),
        Hostile::protobuf("empty resources", "logs", filled(LARGE, &field(1, []))),
        Hostile::protobuf("empty scopes", "logs", field(1, filled(LARGE, &field(2, [])))),
        Hostile::json("JSON lines", "logs", json),
        Hostile::numbered("small lines", "logs", 8, |n| many(n, &[])),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures memory and times: make hostile"]
async fn large_lines_stay_within_the_budget() {
    let lines = |what, more: Vec<u8>| Hostile::numbered(what, "logs", 12, move |n| many(n, &more));
    let empty = |number| filled(LINE_BYTES, &field(number, []));
    survives(vec![
        lines("long bodies", field(5, field(1, "x".repeat(LINE_BYTES)))),
        lines("bodies of empty values", field(5, field(5, empty(1)))),
        lines("bodies of empty pairs", field(5, field(6, empty(1)))),
        lines("empty attributes", empty(6)),
        lines("long event names", field(12, "x".repeat(LINE_BYTES))),
        lines("long severities", field(3, "x".repeat(LINE_BYTES))),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures memory and times: make hostile"]
async fn lines_of_ever_new_senders_stay_within_the_budget() {
    let senders = |n: u128| {
        let sender = |index: u32| {
            let own = field(1, attribute("service.name", &format!("{n}.{index}")));
            let long = [filled(7_500, &field(1, [])), own].concat();
            export(&long, &field(2, field(5, field(1, "a line"))))
        };
        joined((0..1_000).map(sender))
    };
    survives(vec![Hostile::numbered("1,000 senders an export", "logs", 12, senders)]).await;
}
