//! Links to Grafana, compared with the files that provision it.

use std::path::Path;

use reqwest::StatusCode;
use serde_json::Value;
use url::Url;

use crate::telemetry::{START, export, span, text, trace_hex, with};
use crate::under_test::Console;

async fn console_with_grafana() -> Console {
    Console::with(|config| config.grafana_url = Some("http://127.0.0.1:3000".parse().unwrap()))
        .await
}

/// The links of a page that lead to Grafana.
fn links(page: &str) -> Vec<Url> {
    let hrefs = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let hrefs = hrefs.filter(|href| href.starts_with("http://127.0.0.1:3000/"));
    hrefs.map(|href| Url::parse(&href.replace("&amp;", "&")).unwrap()).collect()
}

fn parameter(url: &Url, name: &str) -> String {
    let mut pairs = url.query_pairs();
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

fn repository(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::read_to_string(root.join(path)).unwrap()
}

#[tokio::test]
async fn the_first_page_links_to_the_lab_home_only_with_grafana() {
    let page = console_with_grafana().await.page("/").await;
    let [home] = &links(&page)[..] else { panic!("one link in {page}") };
    let dashboard: Value =
        serde_json::from_str(&repository("grafana/dashboards/home.json")).unwrap();
    assert_eq!(home.path(), format!("/d/{}", dashboard["uid"].as_str().unwrap()));
    assert!(page.contains("rel=\"noopener noreferrer\""));
    assert!(!Console::start().await.page("/").await.contains("Grafana"));
}

#[tokio::test]
async fn a_trace_links_to_its_job_its_trace_and_its_log_lines_in_grafana() {
    let console = console_with_grafana().await;
    let hostile = "j-1&from=0#\"><script>";
    console
        .send(export(
            "gateway",
            vec![with(span(7, 1, 0, "POST"), [text("waybill.job.id", hostile)])],
        ))
        .await;
    let page = console.page(&format!("/traces/{}", trace_hex(7))).await;
    let [job, trace, logs] = &links(&page)[..] else { panic!("three links in {page}") };

    let dashboard: Value =
        serde_json::from_str(&repository("grafana/dashboards/job.json")).unwrap();
    assert_eq!(job.path(), format!("/d/{}", dashboard["uid"].as_str().unwrap()));
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    for (name, value) in [("trace_id", trace_hex(7)), ("job_id", hostile.to_owned())] {
        assert!(variables.iter().any(|variable| variable["name"] == name), "{name}");
        assert_eq!(parameter(job, &format!("var-{name}")), value);
    }
    let start_ms = START / 1_000_000;
    assert!(parameter(job, "from").parse::<u64>().unwrap() < start_ms);
    assert!(parameter(job, "to").parse::<u64>().unwrap() > start_ms);

    for (url, source) in [(trace, "tempo"), (logs, "loki")] {
        assert_eq!((url.path(), parameter(url, "schemaVersion").as_str()), ("/explore", "1"));
        let panes: Value = serde_json::from_str(&parameter(url, "panes")).unwrap();
        let only = panes.as_object().unwrap().values().next().unwrap();
        let query = &only["queries"][0];
        assert!(query.to_string().contains(&trace_hex(7)));
        assert_eq!(
            (&only["datasource"], &query["datasource"]["uid"]),
            (&source.into(), &source.into())
        );
        assert!(only["range"]["from"].as_str().unwrap().parse::<u64>().unwrap() < start_ms);
        let sources = repository("grafana/provisioning/datasources/backends.yaml");
        assert!(
            sources.contains(&format!("\n    uid: {source}\n    type: {source}\n")),
            "{source}"
        );
    }
}

#[tokio::test]
async fn an_evicted_trace_links_to_tempo() {
    let console = console_with_grafana().await;
    let (status, page) = console.any_page(&format!("/traces/{}", trace_hex(8))).await;
    assert_eq!((status, links(&page).len()), (StatusCode::NOT_FOUND, 1));
}

#[test]
fn a_url_that_is_not_http_is_rejected_with_an_example() {
    #[derive(clap::Parser)]
    struct Flags {
        #[command(flatten)]
        config: console::Config,
    }
    let parse =
        |url: &str| <Flags as clap::Parser>::try_parse_from(["console", "--grafana-url", url]);
    assert!(parse("https://grafana.example/lab").unwrap().config.grafana_url.is_some());
    for bad in ["javascript:alert(1)", "file:///etc/passwd", "127.0.0.1:3000", ""] {
        let Err(error) = parse(bad) else { panic!("{bad} is accepted") };
        let error = error.to_string();
        assert!(
            error.contains("--grafana-url") && error.contains("http://127.0.0.1:3000"),
            "{error}"
        );
    }
}
