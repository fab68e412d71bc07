//! Questions about log lines, metrics with their exemplars, and webhooks.

use contract::signals::{JOBS_FINISHED, QUEUE_WAIT, STAGE_DURATION};

use super::{
    jobs::Jobs,
    question::{Question, query},
};

/// Log lines: each one's trace stands in it.
pub(super) fn logs(jobs: &Jobs) -> Vec<Question> {
    let (sum, dead) = (jobs.sum.trace_id.as_str(), jobs.dead.trace_id.as_str());
    let (id, dead_id) = (jobs.sum.id.to_string(), jobs.dead.id.to_string());
    let from = ["ingester", "processor", "notifier"].map(|name| format!("\"service\":\"{name}\""));
    let [ingester, processor, notifier] = from.each_ref().map(String::as_str);
    let none = "\"logs\":[]";
    let ask = |pairs: &[(&str, &str)], finds: &[&str], not: &[&str]| {
        let arguments = query(&[pairs, &[("limit", "500")]].concat());
        Question::new(format!("/api/logs?{arguments}"), finds, not)
    };
    vec![
        ask(&[], &[sum, dead], &[]),
        ask(&[("trace_id", sum)], &[sum, ingester, processor, notifier], &[dead]),
        ask(&[("trace_id", "0123456789abcdef0123456789abcdef")], &[none], &[]),
        ask(&[("job", &id)], &[sum, ingester, processor, notifier], &[dead]),
        ask(&[("job", &dead_id)], &[dead], &[sum]),
        ask(&[("job", "018bcfe5-6800-7000-8000-000000000000")], &[none], &[]),
        ask(&[("job", &id), ("service", "processor")], &[sum, processor], &[ingester, notifier]),
        ask(&[("service", "processor")], &[sum, dead, processor], &[ingester, notifier]),
        ask(&[("service", "process")], &[none], &[]),
        ask(&[("severity", "warn")], &[dead], &[sum]),
        ask(&[("severity", "info"), ("job", &id)], &[sum], &[dead]),
        ask(&[("severity", "error"), ("job", &id)], &[none], &[]),
        ask(&[("contains", "done jobs.todo.add")], &[sum], &[dead]),
        ask(&[("contains", "jobs.todo.hash"), ("trace_id", dead)], &[dead], &[sum]),
        ask(&[("contains", "jobs.todo.hash"), ("trace_id", sum)], &[none], &[]),
        ask(&[("contains", "no line says this")], &[none], &[]),
    ]
}

/// The latest points, their history with the exemplars that lead to a trace, and the page with both.
pub(super) fn metrics(jobs: &Jobs) -> Vec<Question> {
    let (dead, lost) = (jobs.dead.trace_id.as_str(), jobs.lost.trace_id.as_str());
    let (stage, wait, finished) = (STAGE_DURATION.name, QUEUE_WAIT.name, JOBS_FINISHED.name);
    // Senders may leave out the `_total` of a counter.
    let finished_short = finished.trim_end_matches("_total");
    let part_of_name = &stage[..stage.len() - 3];
    let latest = |pairs: &[(&str, &str)], finds: &[&str], not: &[&str]| {
        Question::new(format!("/api/metrics?{}", query(pairs)), finds, not)
    };
    let history = |pairs: &[(&str, &str)], finds: &[&str], not: &[&str]| {
        Question::new(format!("/api/metrics/history?{}", query(pairs)), finds, not)
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
        Question::new("/metrics", &[dead, lost], &[]),
        Question::new("/parts/metrics", &[dead, lost], &[]),
        Question::new("/api/metrics/targets", &["\"targets\":"], &[]),
        Question::new("/api/canary", &["every_seconds"], &[]),
        Question::new("/api/status", &["\"spans\"", "\"logs\"", "\"metric_points\""], &[]),
    ]
}

/// The webhook that was caught, under its own name and no other.
pub(super) fn webhooks(jobs: &Jobs) -> Vec<Question> {
    let (id, dead_id) = (jobs.sum.id.to_string(), jobs.dead.id.to_string());
    let (id, dead_id, name) = (id.as_str(), dead_id.as_str(), Jobs::HOOK);
    let mut questions = vec![
        Question::new("/api/hooks", &[name], &[]),
        Question::new(format!("/api/hooks/{name}"), &[id, &jobs.sum.trace_id], &[dead_id]),
        Question::unknown("/api/hooks/elsewhere", &[id]),
        Question::new(format!("/hooks/{name}"), &[id], &[dead_id]),
    ];
    for list in ["/hooks", "/parts/hooks"] {
        questions.extend([
            Question::new(list, &[id], &[dead_id]),
            Question::new(format!("{list}?name={name}"), &[id], &[dead_id]),
            Question::new(format!("{list}?name=elsewhere"), &[], &[id]),
        ]);
    }
    questions
}
