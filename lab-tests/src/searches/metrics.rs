//! Searches for log lines, metrics with their exemplars, and webhooks.

use contract::signals::{JOBS_FINISHED, QUEUE_WAIT, STAGE_DURATION};

use super::{
    jobs::SearchedJobs,
    search_check::{SearchCheck, query},
};

/// Log lines, which contain their trace id.
pub(super) fn logs(jobs: &SearchedJobs) -> Vec<SearchCheck> {
    let (sum, dead) = (jobs.sum.trace_id.as_str(), jobs.dead.trace_id.as_str());
    let (id, dead_id) = (jobs.sum.id.to_string(), jobs.dead.id.to_string());
    let from = ["ingester", "processor", "notifier"].map(|name| format!("\"service\":\"{name}\""));
    let [ingester, processor, notifier] = from.each_ref().map(String::as_str);
    let none = "\"logs\":[]";
    let check = |pairs: &[(&str, &str)], finds: &[&str], not: &[&str]| {
        let arguments = query(&[pairs, &[("limit", "500")]].concat());
        SearchCheck::new(format!("/api/logs?{arguments}"), finds, not)
    };
    vec![
        check(&[], &[sum, dead], &[]),
        check(&[("trace_id", sum)], &[sum, ingester, processor, notifier], &[dead]),
        check(&[("trace_id", "0123456789abcdef0123456789abcdef")], &[none], &[]),
        check(&[("job", &id)], &[sum, ingester, processor, notifier], &[dead]),
        check(&[("job", &dead_id)], &[dead], &[sum]),
        check(&[("job", "018bcfe5-6800-7000-8000-000000000000")], &[none], &[]),
        check(&[("job", &id), ("service", "processor")], &[sum, processor], &[ingester, notifier]),
        check(&[("service", "processor")], &[sum, dead, processor], &[ingester, notifier]),
        check(&[("service", "process")], &[none], &[]),
        check(&[("severity", "warn")], &[dead], &[sum]),
        check(&[("severity", "info"), ("job", &id)], &[sum], &[dead]),
        check(&[("severity", "error"), ("job", &id)], &[none], &[]),
        check(&[("contains", "done jobs.todo.add")], &[sum], &[dead]),
        check(&[("contains", "jobs.todo.hash"), ("trace_id", dead)], &[dead], &[sum]),
        check(&[("contains", "jobs.todo.hash"), ("trace_id", sum)], &[none], &[]),
        check(&[("contains", "no line says this")], &[none], &[]),
    ]
}

/// The latest points, their history with exemplars, and the page with both.
pub(super) fn metrics(jobs: &SearchedJobs) -> Vec<SearchCheck> {
    let (dead, lost) = (jobs.dead.trace_id.as_str(), jobs.lost.trace_id.as_str());
    let (stage, wait, finished) = (STAGE_DURATION.name, QUEUE_WAIT.name, JOBS_FINISHED.name);
    // A sender may omit the suffix `_total` of a counter.
    let finished_short = finished.trim_end_matches("_total");
    let part_of_name = &stage[..stage.len() - 3];
    let latest = |pairs: &[(&str, &str)], finds: &[&str], not: &[&str]| {
        SearchCheck::new(format!("/api/metrics?{}", query(pairs)), finds, not)
    };
    let history = |pairs: &[(&str, &str)], finds: &[&str], not: &[&str]| {
        SearchCheck::new(format!("/api/metrics/history?{}", query(pairs)), finds, not)
    };
    let (processor, notifier) = ("\"service\":\"processor\"", "\"service\":\"notifier\"");
    vec![
        latest(&[], &[stage, wait, finished_short], &[]),
        latest(&[("name", stage)], &[stage, "\"processor\"", "\"notifier\""], &[wait]),
        latest(&[("name", part_of_name)], &[stage], &[wait]),
        latest(
            &[("service", "processor"), ("name", stage)],
            &[stage, "\"processor\""],
            &["\"notifier\""],
        ),
        latest(&[("service", "process")], &[], &["waybill_"]),
        latest(&[("name", "no_such_metric")], &[], &["waybill_"]),
        history(
            &[("name", stage)],
            &[processor, notifier, "\"verdict\":\"dead\"", dead, lost],
            &[wait],
        ),
        history(
            &[("name", stage), ("service", "processor")],
            &[processor, dead, lost],
            &[notifier],
        ),
        history(&[("name", stage), ("service", "process")], &["\"series\":[]"], &[]),
        history(&[("name", part_of_name)], &["\"series\":[]"], &[]),
        history(&[("name", finished)], &["\"outcome\":\"dead\"", processor], &[stage]),
        SearchCheck::new("/metrics", &[dead, lost], &[]),
        SearchCheck::new("/parts/metrics", &[dead, lost], &[]),
        SearchCheck::new("/api/metrics/targets", &["\"targets\":"], &[]),
        SearchCheck::new("/api/canary", &["every_seconds"], &[]),
        SearchCheck::new("/api/status", &["\"spans\"", "\"logs\"", "\"metric_points\""], &[]),
    ]
}

/// The received webhook, under its own name and no other.
pub(super) fn webhooks(jobs: &SearchedJobs) -> Vec<SearchCheck> {
    let (id, dead_id) = (jobs.sum.id.to_string(), jobs.dead.id.to_string());
    let (id, dead_id, name) = (id.as_str(), dead_id.as_str(), SearchedJobs::HOOK);
    let mut checks = vec![
        SearchCheck::new("/api/hooks", &[name], &[]),
        SearchCheck::new(format!("/api/hooks/{name}"), &[id, &jobs.sum.trace_id], &[dead_id]),
        SearchCheck::unknown("/api/hooks/elsewhere", &[id]),
        SearchCheck::new(format!("/hooks/{name}"), &[id], &[dead_id]),
    ];
    for list in ["/hooks", "/parts/hooks"] {
        checks.extend([
            SearchCheck::new(list, &[id], &[dead_id]),
            SearchCheck::new(format!("{list}?name={name}"), &[id], &[dead_id]),
            SearchCheck::new(format!("{list}?name=elsewhere"), &[], &[id]),
        ]);
    }
    checks
}
