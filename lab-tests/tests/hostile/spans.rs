//! Spans and traces that are small on the wire and expensive to store, search or display.

use crate::{
    attack::{Hostile, survives},
    wire::{EXPORT_BYTES_MAX, attribute, export, field, filled, fixed64, joined, nested, number},
};

const START: u64 = 1_760_000_000_000_000_000;
const LARGE: usize = EXPORT_BYTES_MAX - 1_000;
/// The largest allowed span, encoded.
const SPAN_BYTES: usize = 250_000;
/// The trace that all spans of a page belong to.
const TRACE: u128 = 0xdead;

fn service(name: &str) -> Vec<u8> {
    field(1, attribute("service.name", name))
}

fn span(trace: u128, id: u64, more: &[u8]) -> Vec<u8> {
    let head = [
        field(1, trace.to_be_bytes()),
        field(2, id.to_be_bytes()),
        field(5, "hostile"),
        fixed64(7, START),
        fixed64(8, START + 1_000),
    ];
    field(2, [&head.concat(), more].concat())
}

/// As many of these spans as fit into one export.
fn many(n: u128, more: &[u8]) -> Vec<u8> {
    let count = (LARGE / (more.len() + 80)) as u64;
    let first = u64::try_from(n).unwrap() * count;
    let spans = joined((0..count).map(|i| span(TRACE, first + i, more)));
    export(&service("hostile"), &spans)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures memory and times: make hostile"]
async fn a_span_of_many_empty_fields_is_bounded_and_displayed_quickly() {
    let parts = |what, number, part: &[u8]| {
        let more = filled(SPAN_BYTES, &field(number, part));
        Hostile::numbered(what, "traces", 6, move |n| many(n, &more)).with_page(TRACE)
    };
    survives(vec![
        parts("125,000 empty attributes", 9, &[]),
        parts("events", 11, &[]),
        parts("links", 13, &[]),
        parts("attributes of an event", 11, &filled(SPAN_BYTES / 2, &field(3, []))),
        parts("attributes of a link", 13, &filled(SPAN_BYTES / 2, &field(4, []))),
        parts("an array of nothing", 9, &field(2, field(5, filled(SPAN_BYTES, &field(1, []))))),
        parts("a list of no pairs", 9, &field(2, field(6, filled(SPAN_BYTES, &field(1, []))))),
        parts("job ids", 9, &attribute("waybill.job.id", "j")),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures memory and times: make hostile"]
async fn long_texts_are_kept_within_the_budget() {
    let text = |what, number: u32| {
        let more = field(number, "x".repeat(SPAN_BYTES));
        Hostile::numbered(what, "traces", 16, move |n| many(n, &more)).with_page(TRACE)
    };
    let value = field(9, attribute("k", &"x".repeat(SPAN_BYTES)));
    let distinct = |n| {
        let spans = joined((0..90_000_u128).map(|i| span((n << 32) | i, 1, &[])));
        export(&service("hostile"), &spans)
    };
    survives(vec![
        text("names", 5),
        text("trace states", 3),
        Hostile::numbered("values", "traces", 16, move |n| many(n, &value)).with_page(TRACE),
        Hostile::numbered("one span a trace", "traces", 8, distinct),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures memory and times: make hostile"]
async fn resources_and_scopes_count_towards_the_budget() {
    // Each span has a different, large resource.
    let senders = |resource: bool, part: Vec<u8>| {
        move |n: u128| {
            let sender = |index: u128| {
                let name = field(1, attribute("n", &format!("{n}.{index}")));
                let long = [filled(15_000, &part), name].concat();
                let (resource, scope) = if resource { (long, vec![]) } else { (vec![], long) };
                let spans = [field(1, scope), span((n << 32) | index, 1, &[])].concat();
                field(1, [field(1, resource), field(2, spans)].concat())
            };
            joined((0..400).map(sender))
        }
    };
    let many_senders = |n: u128| {
        let sender = |index: u128| {
            let long = [filled(7_500, &field(1, [])), service(&format!("{n}.{index}"))].concat();
            export(&long, &span((n << 32) | index, 1, &[]))
        };
        joined((0..1_000).map(sender))
    };
    survives(vec![
        Hostile::numbered("resource attributes", "traces", 8, senders(true, field(1, []))),
        Hostile::numbered("entities", "traces", 8, senders(true, field(3, []))),
        Hostile::numbered("scope attributes", "traces", 8, senders(false, field(3, []))),
        Hostile::numbered("1,000 senders an export", "traces", 16, many_senders),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures memory and times: make hostile"]
async fn empty_envelopes_and_json_items_stay_within_the_budget() {
    let json = |what, before: &str, entry: &str, after: &str| {
        let entry = format!("{entry},");
        let body = format!("{before}{}{after}", entry.repeat((LARGE - 500) / entry.len()));
        Hostile::json(what, "traces", body)
    };
    let spans = "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[";
    let one = format!(
        "{spans}{{\"traceId\":\"{TRACE:032x}\",\"spanId\":\"00000000000000aa\",\"attributes\":["
    );
    survives(vec![
        Hostile::protobuf("empty resources", "traces", filled(LARGE, &field(1, []))),
        Hostile::protobuf("empty scopes", "traces", field(1, filled(LARGE, &field(2, [])))),
        Hostile::protobuf("empty spans", "traces", export(&[], &filled(LARGE, &field(2, [])))),
        json("JSON resources", "{\"resourceSpans\":[", "{}", "{}]}"),
        json("JSON scopes", "{\"resourceSpans\":[{\"scopeSpans\":[", "{}", "{}]}]}"),
        json("JSON spans", spans, "{}", "{}]}]}]}"),
        json("JSON attributes", &one, "{}", "{}]}]}]}]}"),
        json("unknown JSON", "{\"unknown\":[", "[]", "[]]}"),
        json("unknown JSON keys", "{\"a\":0", "\"a\":0", "\"resourceSpans\":[]}"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures memory and times: make hostile"]
async fn a_trace_of_many_services_is_listed_and_shown_quickly() {
    let services = |n: u128| {
        let own = |index: u64| {
            export(&service(&format!("service-{n}-{index}")), &span(TRACE, index + 1, &[]))
        };
        joined((0..10_000).map(own))
    };
    let chain = |n: u128| {
        let link = |id: u64| span(TRACE + n, id + 1, &field(4, id.to_be_bytes()));
        export(&service("chain"), &joined((0..10_000).map(link)))
    };
    survives(vec![
        Hostile::numbered("10,000 services", "traces", 4, services).with_page(TRACE),
        Hostile::numbered("a chain of 10,000", "traces", 8, chain).with_page(TRACE + 1),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures memory and times: make hostile"]
async fn deeply_nested_values_are_refused() {
    let deep = nested(1_000_000);
    let shallow = joined((1..=30).map(|n| field(9, field(2, nested(n)))));
    let groups = |depth: usize| field(2, vec![0x0b; depth]);
    let json = |open: &str, depth: usize| format!("{{\"resourceSpans\":{}", open.repeat(depth));
    survives(vec![
        Hostile::protobuf(
            "a million deep",
            "traces",
            export(&[], &span(1, 1, &field(9, field(2, deep)))),
        ),
        Hostile::numbered("thirty deep", "traces", 8, move |n| many(n, &shallow)).with_page(TRACE),
        Hostile::protobuf("open groups", "traces", export(&[], &groups(LARGE / 2))),
        Hostile::protobuf("numbers alone", "traces", filled(LARGE, &number(1_000, 0))),
        Hostile::json("open lists", "traces", json("[", LARGE / 2)),
        Hostile::json("open objects", "traces", json("{\"a\":", LARGE / 8)),
        Hostile::json("a long number", "traces", json("9", LARGE / 2)),
        Hostile::json("a long text", "traces", json("\"\\u0041", LARGE / 8)),
    ])
    .await;
}
