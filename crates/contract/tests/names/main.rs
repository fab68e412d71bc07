//! Dashboards, rules, scenarios and docs may only use names that are in the register.
//!
//! - [`files`]: what is read, and the queries in it
//! - [`promql`]: enough of a PromQL parser to find series and labels
//! - [`register`]: all known names, those of the backends included

mod files;
mod promql;
mod register;

use std::collections::BTreeSet;

use register::Register;

/// Runs of the characters that names are made of.
fn tokens(text: &str) -> BTreeSet<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.');
    text.split(|c| !is_part(c)).map(|token| token.trim_matches(['.', ':'])).collect()
}

fn unknown_names<'a>(text: &'a str, register: &Register) -> Vec<&'a str> {
    tokens(text).into_iter().filter(|token| !register.knows(token)).collect()
}

fn report(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn every_waybill_name_in_dashboards_rules_scenarios_and_docs_is_in_the_register() {
    let files = files::all();
    let register = Register::with_records_of(&files);
    let problems = files.iter().flat_map(|file| {
        let unknown = unknown_names(&file.text, &register);
        unknown.into_iter().map(|name| format!("{}: {name}", file.path))
    });
    report(&problems.collect::<Vec<_>>());
}

#[test]
fn every_query_of_dashboards_and_rules_uses_known_series_and_labels() {
    let files = files::all();
    let register = Register::with_records_of(&files);
    let queries: Vec<_> = files.iter().flat_map(files::queries).collect();
    assert!(queries.len() > 50, "only {} queries were found", queries.len());
    let problems = queries.iter().flat_map(|(path, query)| {
        promql::problems(query, &register)
            .into_iter()
            .map(move |problem| format!("{path}: {problem} in {query}"))
    });
    report(&problems.collect::<Vec<_>>());
}

#[test]
fn an_unknown_name_is_found() {
    let register = Register::with_records_of(&[]);
    let text = "`waybill_jobs`, waybill_queue_*, `waybill_jobz_total`, span.waybill.verdict and \
                span.waybill.verdikt, dev.waybill.job.done, waybill_jobs_bucket, lab:waybill_x:sum.";
    let expected =
        ["lab:waybill_x:sum", "span.waybill.verdikt", "waybill_jobs_bucket", "waybill_jobz_total"];
    assert_eq!(unknown_names(text, &register), expected);
}

#[test]
fn a_query_for_an_unknown_series_label_or_value_is_found() {
    let register = Register::with_records_of(&[]);
    let wrong = |query: &str| promql::problems(query, &register);
    for good in [
        r#"sum by (stage, le) (rate(waybill_queue_wait_seconds_bucket{stage=~"$stage"}[$__rate_interval]))"#,
        r#"sum(waybill_jobs{state=~"accepted|queued"}) - (sum(waybill_jobs offset 10m) or vector(0))"#,
        r"max by (service_name) (abs(waybill_clock_offset_seconds)) > 0.5e-3",
        r#"sum by (exporter) (rate({__name__=~"otelcol_exporter_sent_spans(_total)?"}[1m]))"#,
    ] {
        assert_eq!(wrong(good), [""; 0], "{good}");
    }
    for (bad, why) in [
        ("rate(waybill_jobz_total[1m])", "no series waybill_jobz_total"),
        ("waybill_queue_wait_seconds", "no series waybill_queue_wait_seconds"),
        ("sum by (verdict) (waybill_in_flight)", "no label verdict"),
        (r#"waybill_in_flight{queue="x"}"#, "waybill_in_flight has no label queue"),
        (r#"waybill_jobs{state=~"queued|gone"}"#, "state is never gone"),
        ("node_load1", "no series node_load1"),
        (
            r#"{__name__=~"otelcol_(nothing|exporter_sent_spans)(_total)?"}"#,
            "no series otelcol_nothing",
        ),
    ] {
        assert_eq!(wrong(bad), [why], "{bad}");
    }
}
