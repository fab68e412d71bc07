//! Checks the links of dashboards, panels, tables and texts.

use contract::api::JobAccepted;
use serde_json::Value;

use super::{
    interpolate::{Chosen, Values},
    provisioned,
    read::{Dashboard, text},
};
use crate::backends::Backends;

/// The URLs besides dashboards that a link may lead to, in a lab on the default ports.
const CONSOLE: &str = "http://localhost:8090";
const GATEWAY: &str = "http://localhost:8080";

/// Broken or forbidden links.
pub(super) async fn problems(
    dashboards: &[Dashboard],
    parts: &Backends,
    job: &JobAccepted,
) -> Vec<String> {
    let mut values = Values::default();
    for (name, value) in [
        ("__url_time_range", "from=now-15m&to=now"),
        ("__value.raw", &job.trace_id),
        ("trace_id", &job.trace_id),
        ("job_id", &job.id.to_string()),
    ] {
        values.set(name, Chosen::Plain(value.to_owned()));
    }
    let mut links: Vec<_> = dashboards.iter().flat_map(links_of).collect();
    links.extend(provisioned::links());
    links.sort();
    links.dedup();
    assert!(links.len() > 10, "only {} links were read", links.len());
    let mut problems = Vec::new();
    for (at, url) in &links {
        let led = match values.fill(url) {
            Err(error) => Err(error),
            Ok(url) => leads(&url, dashboards, parts).await,
        };
        problems.extend(led.err().map(|why| format!("{at}: link to {url}: {why}")));
    }
    println!("{} links followed", links.len());
    problems
}

async fn leads(url: &str, dashboards: &[Dashboard], parts: &Backends) -> Result<(), String> {
    if let Some(tag) = url.strip_prefix("tag:") {
        let any = dashboards.iter().any(|dashboard| {
            dashboard.json["tags"].as_array().unwrap().iter().any(|known| known == tag)
        });
        return if any { Ok(()) } else { Err("no dashboard has this tag".to_owned()) };
    }
    if let Some(path) = url.strip_prefix("/d/") {
        return to_dashboard(path, dashboards);
    }
    let page = [(CONSOLE, &parts.console), (GATEWAY, &parts.gateway)]
        .into_iter()
        .find_map(|(known, here)| Some(format!("{here}{}", url.strip_prefix(known)?)));
    let page = page.ok_or("it leads out of the lab")?;
    match parts.status(&page).await {
        Ok(200) => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

fn to_dashboard(path: &str, dashboards: &[Dashboard]) -> Result<(), String> {
    let (uid, query) = path.split_once('?').unwrap_or((path, ""));
    let found = dashboards.iter().find(|dashboard| dashboard.uid == uid);
    let found = found.ok_or_else(|| format!("there is no dashboard {uid}"))?;
    let variables = found.json["templating"]["list"].as_array().unwrap();
    for argument in query.split('&').filter_map(|pair| Some(pair.split_once('=')?.0)) {
        let Some(name) = argument.strip_prefix("var-") else { continue };
        if !variables.iter().any(|variable| variable["name"] == name) {
            return Err(format!("{uid} has no variable {name}"));
        }
    }
    Ok(())
}

fn links_of(dashboard: &Dashboard) -> Vec<(String, String)> {
    let mut links = Vec::new();
    let mut add = |at: &str, list: &Value| {
        for link in list.as_array().into_iter().flatten() {
            if link["type"] == "dashboards" {
                let tags = link["tags"].as_array().unwrap().iter();
                links.extend(
                    tags.map(|tag| (at.to_owned(), format!("tag:{}", tag.as_str().unwrap()))),
                );
            } else {
                links.push((at.to_owned(), text(link, "url").to_owned()));
            }
        }
    };
    add(&dashboard.uid, &dashboard.json["links"]);
    let mut written = Vec::new();
    for panel in dashboard.panels() {
        let at = format!("{} / {}", dashboard.uid, text(panel, "title"));
        add(&at, &panel["links"]);
        add(&at, &panel["fieldConfig"]["defaults"]["links"]);
        for rule in panel["fieldConfig"]["overrides"].as_array().into_iter().flatten() {
            for property in rule["properties"].as_array().into_iter().flatten() {
                if property["id"] == "links" {
                    add(&at, &property["value"]);
                }
            }
        }
        // In Markdown: `[words](address)`.
        let words = panel["options"]["content"].as_str().unwrap_or_default();
        let addresses = words.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        written.extend(addresses.map(|(address, _)| (at.clone(), address.to_owned())));
    }
    links.extend(written);
    links
}
