//! A foreign web page can neither read nor change anything on the published ports of the full lab.

#[path = "../browser/attacks.rs"]
mod attacks;
#[path = "../browser/browser.rs"]
mod browser;
#[path = "../browser/foreign_page.rs"]
mod foreign_site;

use serde_json::{Value, json};

use crate::docker::{FullLab, Shape, docker};

/// Parts that check the `Host` header. The others rely on the same-origin policy of browsers, which does not apply to a
/// rebound name.
const CHECKED: [&str; 2] = ["gateway", "console"];

/// Every published port of the lab: service and URL.
fn published(lab: &FullLab) -> Vec<(String, String)> {
    let parts = lab.run(&["ps", "--format", "json"]);
    let mut all = Vec::new();
    for part in parts.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let service = part["Service"].as_str().unwrap().to_owned();
        for published in part["Publishers"].as_array().into_iter().flatten() {
            let port = published["PublishedPort"].as_u64().unwrap_or_default();
            if port > 0 && published["Protocol"] == "tcp" {
                all.push((service.clone(), format!("127.0.0.1:{port}")));
            }
        }
    }
    all.sort();
    all.dedup();
    all
}

/// The state that a page could have changed, and whether all parts are running.
async fn state(lab: &FullLab, gateway: &str, console: &str) -> Value {
    let get = async |url: String| -> Value {
        let response = reqwest::get(url).await.unwrap().error_for_status().unwrap();
        response.json().await.unwrap()
    };
    let jobs = get(format!("{gateway}/v1/jobs?limit=200")).await;
    let dead = get(format!("{gateway}/v1/dead-letters")).await;
    let hooks = get(format!("{console}/api/hooks")).await;
    let mut starts: Vec<_> = lab
        .containers()
        .iter()
        .map(|id| docker(&format!("inspect --format {{{{.Name}}}}:{{{{.State.StartedAt}}}} {id}")))
        .collect();
    starts.sort();
    // Ignores jobs of the canary and alerts.
    let jobs = jobs["jobs"].as_array().unwrap();
    let jobs = jobs.iter().filter(|job| job["name"] == attacks::NAME).count();
    let hooks = hooks.to_string().contains("\"stranger\"");
    json!({"jobs": jobs, "dead": dead, "hooks": hooks, "starts": starts})
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker and the images: make compose-test"]
async fn a_foreign_page_can_neither_read_nor_change_anything_of_the_full_lab() {
    let Some(browser) = browser::Browser::start().await else { return };
    let site = foreign_site::ForeignSite::start().await;
    let lab = FullLab::started(Shape::with(1)).await;
    let (gateway, console) = (lab.url("gateway", 8080), lab.url("console", 8090));
    assert!(browser.open(&site.page()).await);
    let works = attacks::try_all(&browser, &site.open.to_string()).await;
    assert!(!attacks::learned(works).is_empty() && !site.seen.lock().unwrap().is_empty());
    let before = state(&lab, &gateway, &console).await;
    let mut all = Vec::new();
    for (service, authority) in published(&lab) {
        println!("a foreign page tries {service} at {authority}");
        assert!(browser.open(&site.page()).await);
        let attempts = attacks::try_all(&browser, &authority).await;
        let got = attacks::learned(attempts);
        all.extend(got.into_iter().map(|one| format!("{service}, {one}")));
        let rebound = authority.replace("127.0.0.1", "http://rebound.example");
        if CHECKED.contains(&service.as_str()) && browser.open(&rebound).await {
            let got = attacks::learned(attacks::try_rebound(&browser).await);
            all.extend(got.into_iter().map(|one| format!("{service} rebound, {one}")));
        }
    }
    assert!(all.is_empty(), "a foreign page learned {all:#?}");
    assert_eq!(state(&lab, &gateway, &console).await, before, "a foreign page changed something");
    browser.end().await;
}
