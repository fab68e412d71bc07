//! Searches for traces.

use trace::Span;

use super::{
    jobs::{LOST_SECONDS, SearchedJobs},
    search_check::{SearchCheck, query},
};
use crate::Client;

/// Where traces can be searched: API, refreshing part of the page, and page.
const LISTS: [&str; 3] = ["/api/traces", "/parts/traces", "/"];
/// The jobs by name.
const ALL: [&str; 4] = ["sum", "dead", "lost", "marked"];
/// An id that no job has.
const NO_JOB: &str = "018bcfe5-6800-7000-8000-000000000000";
/// An id that no trace has.
const NO_TRACE: &str = "0123456789abcdef0123456789abcdef";

/// A search, and the jobs whose traces it must find; it must not find the others.
struct Search {
    pairs: Vec<(&'static str, String)>,
    finds: Vec<&'static str>,
}

fn search(pairs: &[(&'static str, &str)], finds: &[&'static str]) -> Search {
    let pairs = pairs.iter().map(|&(name, value)| (name, value.to_owned())).collect();
    Search { pairs, finds: finds.to_vec() }
}

fn searches(jobs: &SearchedJobs) -> Vec<Search> {
    let (sum, dead, lost) =
        (jobs.sum.id.to_string(), jobs.dead.id.to_string(), jobs.lost.id.to_string());
    let (sum, dead, lost) = (sum.as_str(), dead.as_str(), lost.as_str());
    let long = (LOST_SECONDS * 1_000).to_string();
    vec![
        search(&[], &ALL),
        search(&[("job", sum)], &["sum"]),
        search(&[("job", NO_JOB)], &[]),
        search(&[("name", "process jobs.todo.")], &ALL),
        search(&[("name", "jobs.todo.hash")], &["dead"]),
        search(&[("name", "no such span")], &[]),
        search(&[("service", "gateway")], &ALL),
        search(&[("service", "ingester")], &ALL),
        search(&[("service", "processor")], &ALL),
        search(&[("service", "notifier")], &ALL),
        search(&[("service", "process")], &[]),
        search(&[("status", "ok")], &["sum"]),
        search(&[("status", "error")], &["dead", "lost", "marked"]),
        search(&[("min_duration_ms", &long), ("job", lost)], &["lost"]),
        search(&[("min_duration_ms", &long), ("job", sum)], &[]),
        search(&[("min_duration_ms", "86400000")], &[]),
        search(&[("service", "notifier"), ("status", "ok"), ("job", sum)], &["sum"]),
        search(&[("service", "notifier"), ("status", "error"), ("job", sum)], &[]),
        search(&[("job", dead), ("attribute", "waybill.job.kind=add")], &[]),
    ]
}

/// Attributes of every type, and attributes that no span has: another value, another key, key and value swapped.
fn attributes(jobs: &SearchedJobs) -> Vec<Search> {
    let id = jobs.sum.id;
    let table: [(&str, &[&'static str]); 20] = [
        (&format!("waybill.job.id={id}"), &["sum"]),
        ("waybill.job.kind=hash", &["dead"]),
        ("waybill.job.attempt=2", &["dead"]),
        ("waybill.job.outcome=dead", &["dead"]),
        ("waybill.operation.kind=add", &["sum"]),
        ("http.response.status_code=202", &ALL),
        ("messaging.system=nats", &ALL),
        ("waybill.verdict=retry", &["dead"]),
        // Of a killed worker.
        ("waybill.verdict=lost", &["lost"]),
        ("waybill.job.interruptions=1", &["lost"]),
        ("waybill.lost=true", &["marked"]),
        ("waybill.lost=false", &[]),
        ("waybill.job.kind=has", &[]),
        ("waybill.job.kind=", &[]),
        ("job.kind=hash", &[]),
        ("hash=waybill.job.kind", &[]),
        (&format!("{id}=waybill.job.id"), &[]),
        (&format!("waybill.job.kind={id}"), &[]),
        (&format!("waybill.job.id={id}0"), &[]),
        ("no.such.key=1", &[]),
    ];
    table.iter().map(|(text, finds)| search(&[("attribute", text)], finds)).collect()
}

/// Each search, in each list.
pub(super) fn lists(jobs: &SearchedJobs) -> Vec<SearchCheck> {
    let named = traces(jobs);
    let check = |search: &Search, list: &str| {
        let pairs = search.pairs.iter().map(|(name, value)| (*name, value.as_str()));
        let pairs: Vec<_> = pairs.chain([("limit", "500")]).collect();
        let those = |found: bool| {
            let jobs = named.iter().filter(|(name, _)| search.finds.contains(name) == found);
            jobs.map(|(_, id)| *id).collect::<Vec<_>>()
        };
        SearchCheck::new(format!("{list}?{}", query(&pairs)), &those(true), &those(false))
    };
    let searches = searches(jobs).into_iter().chain(attributes(jobs));
    searches.flat_map(|search| LISTS.map(|list| check(&search, list))).collect()
}

/// The limit, and the parameter `jobs` of the first page.
pub(super) fn pages(jobs: &SearchedJobs) -> Vec<SearchCheck> {
    let [sum, dead, lost, marked] = traces(jobs).map(|(_, id)| id);
    let id = jobs.sum.id;
    let newest = query(&[("limit", "1"), ("name", "process jobs.todo.")]);
    vec![
        SearchCheck::new(format!("/api/traces?{newest}"), &["trace_id"], &[dead, lost, marked]),
        SearchCheck::new("/parts/jobs?jobs=all", &[sum, dead, lost, marked], &[]),
        SearchCheck::new(format!("/parts/traces?jobs=all&job={id}"), &[sum], &[dead]),
        SearchCheck::new(format!("/?jobs=all&job={id}"), &[sum], &[dead]),
    ]
}

/// The spans of a killed worker are shown as lost.
pub(super) fn marks_of_lost_spans(jobs: &SearchedJobs) -> Vec<SearchCheck> {
    let [sum, _, lost, marked] = traces(jobs).map(|(_, id)| id);
    let row = " lost\" id=\"s-";
    vec![
        SearchCheck::new(format!("/traces/{lost}"), &[row], &[]),
        SearchCheck::new(format!("/traces/{marked}"), &[row, "waybill.lost"], &[]),
        SearchCheck::new(format!("/traces/{sum}"), &[" id=\"s-"], &[row, "waybill.lost"]),
        SearchCheck::new(format!("/api/traces/{marked}"), &["waybill.lost"], &[]),
        SearchCheck::new(format!("/api/traces/{sum}"), &["waybill.verdict"], &["waybill.lost"]),
    ]
}

/// A single trace, by its id and by the id of its job.
pub(super) fn single_trace(jobs: &SearchedJobs) -> Vec<SearchCheck> {
    let [sum, dead, ..] = traces(jobs).map(|(_, id)| id);
    let (id, dead_id) = (jobs.sum.id.to_string(), jobs.dead.id.to_string());
    let (id, dead_id) = (id.as_str(), dead_id.as_str());
    vec![
        SearchCheck::new(
            format!("/api/traces/{sum}"),
            &[sum, id, "process jobs.todo.add"],
            &[dead_id],
        ),
        SearchCheck::new(format!("/traces/{sum}"), &[sum, id, "process jobs.todo.add"], &[dead_id]),
        SearchCheck::new(format!("/parts/traces/{sum}"), &[sum, id, "done"], &[dead_id]),
        SearchCheck::new(format!("/jobs/{id}"), &[sum, id], &[dead, dead_id]),
        SearchCheck::unknown(format!("/jobs/{NO_JOB}"), &[sum, dead]),
        SearchCheck::unknown(format!("/traces/{NO_TRACE}"), &[sum, dead]),
        SearchCheck::unknown(format!("/api/traces/{NO_TRACE}"), &[sum, dead]),
    ]
}

/// Every attribute of every span finds its trace; another key or value does not.
pub(super) async fn each_attribute(client: &Client, jobs: &SearchedJobs) -> Vec<SearchCheck> {
    let mut checks = Vec::new();
    for job in [&jobs.sum, &jobs.dead, &jobs.lost, &jobs.marked] {
        let id = job.trace_id.as_str();
        let trace = client.trace(id).await.expect("the trace has arrived");
        let mut attributes: Vec<_> = trace.spans.iter().flat_map(attributes_of).collect();
        attributes.sort_unstable();
        attributes.dedup();
        assert!(attributes.len() > 20, "{attributes:?}");
        for (key, value) in attributes {
            let check = |key: &str, value: &str| {
                let attribute = format!("{key}={value}");
                let pairs = [("attribute", attribute.as_str()), ("limit", "500")];
                format!("/api/traces?{}", query(&pairs))
            };
            checks.push(SearchCheck::new(check(&key, &value), &[id], &[]));
            checks.push(SearchCheck::new(check(&key, &format!("{value}x")), &[], &[id]));
            checks.push(SearchCheck::new(check(&format!("{key}x"), &value), &[], &[id]));
        }
    }
    checks
}

/// The attributes of a span, as text.
fn attributes_of(span: &Span) -> Vec<(String, String)> {
    let texts = span.attributes.keys().filter_map(|key| Some((key.clone(), span.attribute(key)?)));
    texts.collect()
}

fn traces(jobs: &SearchedJobs) -> [(&'static str, &str); 4] {
    let ids = [&jobs.sum, &jobs.dead, &jobs.lost, &jobs.marked].map(|job| job.trace_id.as_str());
    std::array::from_fn(|index| (ALL[index], ids[index]))
}
