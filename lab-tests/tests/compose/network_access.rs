//! Network access in the full lab: published ports, routes between networks, and requests of foreign web pages.

use std::collections::{BTreeMap, BTreeSet};

use lab_tests::waybill;
use reqwest::{Client, Method};
use serde_json::Value;
use tokio::task::block_in_place;

use crate::{
    backends::Backends,
    broker_with_users::repository,
    docker::{FullLab, Shape},
};

/// Published ports, by part.
const PUBLISHED: [(&str, &str); 4] =
    [("gateway", "8080"), ("console", "8090"), ("grafana", "3000"), ("query-proxy", "9090")];
/// Networks with a route to other networks, and their parts.
const OUTWARD: [(&str, &[&str]); 2] =
    [("egress", &["gateway", "notifier"]), ("published", &["console", "grafana", "query-proxy"])];

/// `compose.yaml` with all profiles.
fn plan() -> Value {
    let mut docker = std::process::Command::new("docker");
    docker.args([
        "compose",
        "--profile",
        "*",
        "--file",
        "compose.yaml",
        "config",
        "--format",
        "json",
    ]);
    let output = docker.current_dir(repository()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn services(plan: &Value) -> &serde_json::Map<String, Value> {
    plan["services"].as_object().unwrap()
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

#[test]
#[ignore = "needs Docker: make compose-test"]
fn only_ports_that_check_their_clients_are_published_and_only_on_this_machine() {
    let plan = plan();
    let mut published = BTreeSet::new();
    for (name, service) in services(&plan) {
        for port in list(&service["ports"]) {
            assert_eq!(port["host_ip"], "127.0.0.1", "{name}: {port}");
            published.insert((name.clone(), port["published"].as_str().unwrap().to_owned()));
        }
    }
    let wanted = PUBLISHED.map(|(part, port)| (part.to_owned(), port.to_owned()));
    assert_eq!(published, BTreeSet::from(wanted));
    let flags = plan["services"]["prometheus"]["command"].to_string();
    assert!(flags.contains("--web.cors.origin=^$"), "{flags}");
    for flag in ["enable-lifecycle", "enable-admin-api"] {
        assert!(!flags.contains(flag), "{flags}");
    }
    let grafana = &plan["services"]["grafana"]["environment"];
    for (name, value) in [
        ("GF_AUTH_ANONYMOUS_ORG_ROLE", "Viewer"),
        ("GF_AUTH_BASIC_ENABLED", "false"),
        ("GF_AUTH_DISABLE_LOGIN_FORM", "true"),
        ("GF_SECURITY_CSRF_ALWAYS_CHECK", "true"),
        ("GF_SERVER_ENFORCE_DOMAIN", "true"),
        ("GF_SERVER_DOMAIN", "127.0.0.1"),
    ] {
        assert_eq!(grafana[name], value, "{name}");
    }
}

#[test]
#[ignore = "needs Docker: make compose-test"]
fn only_parts_that_need_it_have_an_outside_route_and_not_every_part_reaches_the_receivers() {
    let plan = plan();
    let members = |network: &str| -> BTreeSet<String> {
        let services = services(&plan).iter();
        let inside = services.filter(|(_, service)| service["networks"].get(network).is_some());
        inside.map(|(name, _)| name.clone()).collect()
    };
    for (name, network) in plan["networks"].as_object().unwrap() {
        let outward = OUTWARD.iter().find(|(outward, _)| outward == name);
        assert_eq!(network["internal"] == true, outward.is_none(), "{name}: {network}");
        if let Some((_, wanted)) = outward {
            let wanted: BTreeSet<_> = wanted.iter().map(|one| (*one).to_owned()).collect();
            assert_eq!(members(name), wanted, "{name}");
        }
    }
    let translates = "com.docker.network.bridge.enable_ip_masquerade";
    assert_eq!(plan["networks"]["published"]["driver_opts"][translates], "false");
    // Services export to the collector only.
    let backends = members("backends");
    for service in ["gateway", "ingester", "processor", "notifier", "nats", "topology"] {
        assert!(!backends.contains(service), "{service} reaches the backends");
    }
    for (name, service) in services(&plan) {
        let alone = service["network_mode"] == "none";
        assert!(
            alone || service["networks"].get("default").is_none(),
            "{name} is in no named network"
        );
    }
}

#[test]
#[ignore = "needs Docker: make compose-test"]
fn each_part_has_its_own_user_bounded_processes_and_named_volumes() {
    let plan = plan();
    let mut users: BTreeMap<String, String> = BTreeMap::new();
    for (name, service) in services(&plan) {
        assert!(
            service["pids_limit"].as_i64().is_some_and(|limit| limit > 0),
            "{name}: pids_limit"
        );
        assert!(
            service["mem_limit"].is_string() || service["mem_limit"].is_u64(),
            "{name}: mem_limit"
        );
        for mount in list(&service["volumes"]) {
            assert!(mount["source"].is_string(), "{name}: a volume without a name: {mount}");
            // Health check through the broker's own page.
            if mount["source"] == "nats-health" && name != "nats" {
                assert_eq!(mount["read_only"], true, "{name}: {mount}");
            }
        }
        // Profiles of the processor are the same part.
        let part = name.strip_suffix("-loki-direct").unwrap_or(name).to_owned();
        if let Some(user) = service["user"].as_str()
            && let Some(other) = users.insert(user.to_owned(), part.clone())
        {
            assert_eq!(other, part, "{user} is the user of both");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker and the images: make compose-test"]
async fn a_foreign_page_reads_and_changes_nothing_and_no_part_reaches_more_than_it_needs() {
    let lab = FullLab::started(Shape::with(1)).await;
    let parts = Backends::of(&lab);
    foreign_pages(&parts).await;
    block_in_place(|| {
        reaches(&lab, "processor", "http://otel-collector:13133/", true);
        for (part, url) in [
            ("processor", "http://console:4318/"),
            ("processor", "http://prometheus:9090/-/ready"),
            ("ingester", "http://query-proxy:9090/-/ready"),
            ("notifier", "http://prometheus:9090/-/ready"),
            ("gateway", "http://prometheus:9090/-/ready"),
            ("console", "http://nats:8222/healthz"),
            ("processor", "http://nats:8222/healthz"),
            ("query-proxy", "http://gateway:8080/healthz"),
        ] {
            reaches(&lab, part, url, false);
        }
        reaches(&lab, "query-proxy", "http://prometheus:9090/-/ready", true);
        check_that_the_doctor_passes(&lab);
        check_internet_routes(&lab);
    });
}

/// Sends the requests of a page of another origin, and of a page with a rebound name.
async fn foreign_pages(parts: &Backends) {
    let evil = "http://evil.example";
    let prometheus = &parts.prometheus;
    for base in [&parts.gateway, &parts.console, prometheus] {
        let answer = send(Method::GET, base, &[("host", "evil.example")], "").await;
        assert_eq!(answer.status(), 421, "{base}");
    }
    let read = format!("{prometheus}/api/v1/query?query=up");
    let answer = send(Method::GET, &read, &[("origin", evil)], "").await;
    assert!(answer.status().is_success());
    assert!(!answer.headers().contains_key("access-control-allow-origin"), "{answer:?}");
    for (path, headers) in [
        ("/api/v1/write", &[("origin", evil)][..]),
        ("/api/v1/write", &[]),
        ("/api/v1/otlp/v1/metrics", &[("content-type", "application/json")]),
        ("/-/reload", &[]),
        ("/-/quit", &[("content-type", "application/x-www-form-urlencoded")]),
        ("/api/v1/admin/tsdb/delete_series?match[]=up", &[]),
    ] {
        let answer = send(Method::POST, &format!("{prometheus}{path}"), headers, "x").await;
        assert!([403, 415].contains(&answer.status().as_u16()), "{path}: {answer:?}");
    }
    if let Some(loki) = &parts.loki {
        for path in ["/ingester/shutdown", "/loki/api/v1/delete?query=x", "/config"] {
            let answer = send(Method::GET, &format!("{loki}{path}"), &[], "").await;
            assert_eq!(answer.status(), 403, "{path}");
        }
    }
}

async fn send(
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    body: &'static str,
) -> reqwest::Response {
    let mut request = Client::new().request(method, url).body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

/// Checks whether `part` gets a response from `url`.
fn reaches(lab: &FullLab, part: &str, url: &str, wanted: bool) {
    let output = lab.try_run(&["exec", "-T", part, "/waybill", "probe", url]);
    let said = String::from_utf8_lossy(&output.stderr);
    let answered = output.status.success() || said.contains(" answers ");
    assert_eq!(answered, wanted, "{part} to {url}: {said}");
}

fn check_that_the_doctor_passes(lab: &FullLab) {
    let output = lab.command(waybill()).args(["doctor", "--lab", "full"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("prometheus answers"), "{said}");
    if lab.has("loki") {
        assert!(said.contains("loki answers") && said.contains("logs"), "{said}");
    }
    assert!(output.status.success(), "{said}");
}

/// Only two of the running containers have a network with a route to the Internet.
fn check_internet_routes(lab: &FullLab) {
    let all = lab.run(&["ps", "--format", "{{.Service}} {{.Networks}}"]);
    let outward: Vec<_> = all.lines().filter(|line| line.contains("_egress")).collect();
    assert_eq!(outward.len(), 2, "{outward:?}");
}
