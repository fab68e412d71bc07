//! Questions about traces.

use trace::Span;

use super::{
    jobs::{Jobs, LOST_SECONDS},
    question::{Question, query},
};
use crate::Client;

/// Where traces can be searched for: programs, the part of the page that refreshes itself, and the page.
const LISTS: [&str; 3] = ["/api/traces", "/parts/traces", "/"];
/// The jobs by name.
const ALL: [&str; 4] = ["sum", "dead", "lost", "marked"];
/// An id that no job has.
const NO_JOB: &str = "018bcfe5-6800-7000-8000-000000000000";
/// An id that no trace has.
const NO_TRACE: &str = "0123456789abcdef0123456789abcdef";

/// A search, and which of the jobs' traces it finds: it must find no other of them.
struct Search {
    pairs: Vec<(&'static str, String)>,
    finds: Vec<&'static str>,
}

fn search(pairs: &[(&'static str, &str)], finds: &[&'static str]) -> Search {
    let pairs = pairs.iter().map(|&(name, value)| (name, value.to_owned())).collect();
    Search { pairs, finds: finds.to_vec() }
}

fn searches(jobs: &Jobs) -> Vec<Search> {
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

/// Attributes of every type, and those that no span has: another value, another key, the two changed over.
fn attributes(jobs: &Jobs) -> Vec<Search> {
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
        // What a killed worker had started.
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
pub(super) fn lists(jobs: &Jobs) -> Vec<Question> {
    let named = traces(jobs);
    let ask = |search: &Search, list: &str| {
        let pairs = search.pairs.iter().map(|(name, value)| (*name, value.as_str()));
        let pairs: Vec<_> = pairs.chain([("limit", "500")]).collect();
        let those = |found: bool| {
            let jobs = named.iter().filter(|(name, _)| search.finds.contains(name) == found);
            jobs.map(|(_, id)| *id).collect::<Vec<_>>()
        };
        Question::new(format!("{list}?{}", query(&pairs)), &those(true), &those(false))
    };
    let searches = searches(jobs).into_iter().chain(attributes(jobs));
    searches.flat_map(|search| LISTS.map(|list| ask(&search, list))).collect()
}

/// The newest only, and the other parameter of the first page.
pub(super) fn pages(jobs: &Jobs) -> Vec<Question> {
    let [sum, dead, lost, marked] = traces(jobs).map(|(_, id)| id);
    let id = jobs.sum.id;
    let newest = query(&[("limit", "1"), ("name", "process jobs.todo.")]);
    vec![
        Question::new(format!("/api/traces?{newest}"), &["trace_id"], &[dead, lost, marked]),
        Question::new("/parts/jobs?jobs=all", &[sum, dead, lost, marked], &[]),
        Question::new(format!("/parts/traces?jobs=all&job={id}"), &[sum], &[dead]),
        Question::new(format!("/?jobs=all&job={id}"), &[sum], &[dead]),
    ]
}

/// What a killed worker had started is shown as lost.
pub(super) fn marks_of_lost_spans(jobs: &Jobs) -> Vec<Question> {
    let [sum, _, lost, marked] = traces(jobs).map(|(_, id)| id);
    let row = " lost\" id=\"s-";
    vec![
        Question::new(format!("/traces/{lost}"), &[row], &[]),
        Question::new(format!("/traces/{marked}"), &[row, "waybill.lost"], &[]),
        Question::new(format!("/traces/{sum}"), &[" id=\"s-"], &[row, "waybill.lost"]),
        Question::new(format!("/api/traces/{marked}"), &["waybill.lost"], &[]),
        Question::new(format!("/api/traces/{sum}"), &["waybill.verdict"], &["waybill.lost"]),
    ]
}

/// One trace, by its id and by its job's.
pub(super) fn of_one(jobs: &Jobs) -> Vec<Question> {
    let [sum, dead, ..] = traces(jobs).map(|(_, id)| id);
    let (id, dead_id) = (jobs.sum.id.to_string(), jobs.dead.id.to_string());
    let (id, dead_id) = (id.as_str(), dead_id.as_str());
    vec![
        Question::new(
            format!("/api/traces/{sum}"),
            &[sum, id, "process jobs.todo.add"],
            &[dead_id],
        ),
        Question::new(format!("/traces/{sum}"), &[sum, id, "process jobs.todo.add"], &[dead_id]),
        Question::new(format!("/parts/traces/{sum}"), &[sum, id, "done"], &[dead_id]),
        Question::new(format!("/jobs/{id}"), &[sum, id], &[dead, dead_id]),
        Question::unknown(format!("/jobs/{NO_JOB}"), &[sum, dead]),
        Question::unknown(format!("/traces/{NO_TRACE}"), &[sum, dead]),
        Question::unknown(format!("/api/traces/{NO_TRACE}"), &[sum, dead]),
    ]
}

/// Each attribute that a span of the jobs has, whatever its type, finds the trace; its value with another key does not.
pub(super) async fn every_attribute(client: &Client, jobs: &Jobs) -> Vec<Question> {
    let mut questions = Vec::new();
    for job in [&jobs.sum, &jobs.dead, &jobs.lost, &jobs.marked] {
        let id = job.trace_id.as_str();
        let trace = client.trace(id).await.expect("it has arrived");
        let mut attributes: Vec<_> = trace.spans.iter().flat_map(attributes_of).collect();
        attributes.sort_unstable();
        attributes.dedup();
        assert!(attributes.len() > 20, "{attributes:?}");
        for (key, value) in attributes {
            let ask = |key: &str, value: &str| {
                let attribute = format!("{key}={value}");
                let pairs = [("attribute", attribute.as_str()), ("limit", "500")];
                format!("/api/traces?{}", query(&pairs))
            };
            questions.push(Question::new(ask(&key, &value), &[id], &[]));
            questions.push(Question::new(ask(&key, &format!("{value}x")), &[], &[id]));
            questions.push(Question::new(ask(&format!("{key}x"), &value), &[], &[id]));
        }
    }
    questions
}

/// The attributes of a span, as texts.
fn attributes_of(span: &Span) -> Vec<(String, String)> {
    let texts = span.attributes.keys().filter_map(|key| Some((key.clone(), span.attribute(key)?)));
    texts.collect()
}

fn traces(jobs: &Jobs) -> [(&'static str, &str); 4] {
    let ids = [&jobs.sum, &jobs.dead, &jobs.lost, &jobs.marked].map(|job| job.trace_id.as_str());
    std::array::from_fn(|index| (ALL[index], ids[index]))
}
