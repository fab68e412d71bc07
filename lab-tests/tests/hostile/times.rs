//! Spans with implausible times do not determine the time scale of their trace.

use serde_json::Value;

use crate::{
    console::{Console, alone},
    wire::{attribute, export, field, fixed64},
};

const START: u64 = 1_760_000_000_000_000_000;
const MILLISECOND: u64 = 1_000_000;

fn span(trace: u128, id: u64, start: u64, end: u64) -> Vec<u8> {
    let name = format!("span {id}");
    let head = [field(1, trace.to_be_bytes()), field(2, id.to_be_bytes()), field(5, name)];
    field(2, [head.concat(), fixed64(7, start), fixed64(8, end)].concat())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures memory and times: make hostile"]
async fn a_span_without_times_does_not_determine_the_scale_of_its_trace() {
    let _alone = alone().await;
    let console = Console::start().await;
    let odd = [
        (0, 0),
        (0, START + MILLISECOND),
        (START + MILLISECOND, 0),
        (u64::MAX, u64::MAX),
        (START + MILLISECOND, u64::MAX),
        (u64::MAX, START + MILLISECOND),
    ];
    for (index, (start, end)) in odd.into_iter().enumerate() {
        // In any order.
        for (order, is_last) in [(0, false), (1, true)] {
            let trace = 0x7000 + index as u128 * 2 + order;
            let plain = [
                span(trace, 1, START, START + 10 * MILLISECOND),
                span(trace, 2, START + 2 * MILLISECOND, START + 5 * MILLISECOND),
            ]
            .concat();
            let odd = span(trace, 3, start, end);
            let spans = if is_last { [plain, odd] } else { [odd, plain] }.concat();
            let body = export(&field(1, attribute("service.name", &format!("t{trace}"))), &spans);
            let sent = console.take_spans(body).await;
            assert_eq!(sent, Ok(200));
            let listed = console.get(&format!("/api/traces?service=t{trace}")).await.unwrap();
            let listed: Value = serde_json::from_str(&listed).unwrap();
            let one = &listed["traces"][0];
            assert_eq!(one["span_count"], 3, "{start} to {end}: the span is kept: {one}");
            assert_eq!(one["duration_ms"], 10.0, "{start} to {end}: {one}");
            assert_eq!(one["start_unix_ms"], START / MILLISECOND, "{start} to {end}: {one}");
            let page = console.get(&format!("/traces/{trace:032x}")).await.unwrap();
            assert!(page.contains("span 3"), "{start} to {end}: the span is shown");
            assert!(!page.contains(" yr"), "{start} to {end}: the page speaks of years: {page}");
        }
    }
}
