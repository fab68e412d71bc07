//! The queries in the file of a dashboard, before interpolation.

use std::fs;

use serde_json::Value;

use crate::broker_with_users::repository;

/// A dashboard file.
pub(super) struct Dashboard {
    pub(super) uid: String,
    pub(super) json: Value,
}

/// One query.
#[derive(Debug, Clone)]
pub(super) struct PanelQuery {
    /// Dashboard, panel and query letter.
    pub(super) at: String,
    pub(super) form: Form,
    pub(super) query: String,
}

/// Language and type of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// PromQL range query.
    Series,
    /// PromQL instant query.
    Instant,
    /// Exemplars of a PromQL query.
    Exemplars,
    /// LogQL.
    Lines,
    /// TraceQL.
    Search,
    /// One trace by its id.
    Waterfall,
    /// Grafana's node graph, from Tempo's series in Prometheus.
    ServiceMap,
}

/// All dashboards of the repository.
pub(super) fn all() -> Vec<Dashboard> {
    let folder = repository().join("grafana/dashboards");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let read = |path: &std::path::PathBuf| {
        let json: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        Dashboard { uid: json["uid"].as_str().unwrap().to_owned(), json }
    };
    files.iter().map(read).collect()
}

impl Dashboard {
    /// All panels, including those in collapsed rows.
    pub(super) fn panels(&self) -> Vec<&Value> {
        let mut found = Vec::new();
        collect(&self.json["panels"], &mut found);
        found
    }

    /// The queries of panels and annotations.
    pub(super) fn questions(&self) -> Vec<PanelQuery> {
        let mut questions = Vec::new();
        for panel in self.panels() {
            let at = format!("{} / {}", self.uid, text(panel, "title"));
            let targets = panel["targets"].as_array().map_or(&[][..], Vec::as_slice);
            assert_eq!(targets.is_empty(), panel["type"] == "text", "{at} asks nothing");
            for target in targets {
                let at = format!("{at} / {}", text(target, "refId"));
                questions.extend(of_target(target, &at));
            }
        }
        for annotation in self.json["annotations"]["list"].as_array().unwrap() {
            let at = format!("{} / annotation {}", self.uid, text(annotation, "name"));
            match text(&annotation["datasource"], "type") {
                "prometheus" => {
                    let query = text(&annotation["target"], "expr").to_owned();
                    questions.push(PanelQuery { at, form: Form::Series, query });
                }
                // Grafana's own annotations, which scenarios create.
                "grafana" => assert_eq!(annotation["target"]["type"], "tags", "{at}"),
                other => panic!("{at}: has no known way to query {other}"),
            }
        }
        questions
    }
}

fn collect<'a>(panels: &'a Value, into: &mut Vec<&'a Value>) {
    for panel in panels.as_array().into_iter().flatten() {
        if panel["type"] != "row" {
            into.push(panel);
        }
        collect(&panel["panels"], into);
    }
}

fn of_target(target: &Value, at: &str) -> Vec<PanelQuery> {
    let ask = |form, field| {
        let query = target[field].as_str().unwrap_or_default().to_owned();
        PanelQuery { at: at.to_owned(), form, query }
    };
    match text(&target["datasource"], "type") {
        "prometheus" => {
            let range = target["range"] == true;
            assert!(range != (target["instant"] == true), "{at}: either range or instant");
            let mut asked = vec![ask(if range { Form::Series } else { Form::Instant }, "expr")];
            let ours = asked[0].query.contains("_bucket") && !asked[0].query.contains("messaging");
            let dots = target["exemplar"] == true;
            assert_eq!(
                dots, ours,
                "{at}: exemplars are to be had from buckets, and from nothing else"
            );
            if dots {
                let mut dots = ask(Form::Exemplars, "expr");
                dots.at.push_str(" / dots");
                asked.push(dots);
            }
            asked
        }
        "loki" => vec![ask(Form::Lines, "expr")],
        "tempo" if target["queryType"] == "serviceMap" => vec![ask(Form::ServiceMap, "query")],
        // Grafana takes a query without braces for the id of a trace.
        "tempo" if !text(target, "query").contains('{') => vec![ask(Form::Waterfall, "query")],
        "tempo" => vec![ask(Form::Search, "query")],
        other => panic!("{at}: has no known way to query {other}"),
    }
}

/// A field that must be text.
pub(super) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}"))
}
