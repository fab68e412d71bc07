//! Hosts of webhooks, looked up at a name server of the test.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use testkit::{DnsAnswer, NameServer};

use crate::rig::{Rig, problem};

async fn rig(server: &NameServer) -> Rig {
    Rig::start_with(&["--dns-servers", &server.address().to_string()]).await
}

fn job(host: &str) -> String {
    let url = format!("https://{host}/hook");
    format!(
        r#"{{"name":"a","operations":[{{"kind":"add","inputs":[1,2]}}],"notify":{{"channel":"webhook","url":"{url}"}}}}"#
    )
}

#[tokio::test]
async fn a_name_with_a_private_address_gets_the_response_of_an_unknown_name() {
    let ip = |text: &str| DnsAnswer::As(vec![text.parse().unwrap()]);
    let server = NameServer::start([
        ("public.example.net", ip("1.1.1.1")),
        ("six.example.net", ip("2606:4700:4700::1111")),
        ("inside.example.net", ip("10.0.0.1")),
        ("host.example.net", ip("127.0.0.1")),
        ("cloud.example.net", ip("169.254.169.254")),
        ("six-inside.example.net", ip("fd00::1")),
        (
            "mixed.example.net",
            DnsAnswer::As(vec!["1.1.1.1".parse().unwrap(), "::1".parse().unwrap()]),
        ),
        ("empty.example.net", DnsAnswer::As(Vec::new())),
    ])
    .await;
    let rig = rig(&server).await;
    for host in ["public", "six"] {
        let sent = rig.post("/v1/jobs", job(&format!("{host}.example.net"))).send().await.unwrap();
        assert_eq!(sent.status(), StatusCode::ACCEPTED, "{host}");
    }
    let refused = ["inside", "host", "cloud", "six-inside", "mixed", "empty", "unknown"];
    for host in refused.map(|host| format!("{host}.example.net")) {
        let sent = rig.post("/v1/jobs", job(&host)).send().await.unwrap();
        let problem = problem(sent, 422).await;
        assert_eq!(problem.kind, "https://waybill.dev/problems/unknown-host");
        assert_eq!(
            problem.detail,
            format!(
                "notify.url: no public address was found for {host}; check the name, or try again"
            )
        );
    }
    assert!(
        server.queries().iter().all(|name| name.ends_with(".example.net.")),
        "whole names only"
    );
}

#[tokio::test]
async fn a_silent_name_server_delays_only_requests_with_a_name() {
    let server = NameServer::silent().await;
    let rig = rig(&server).await;
    let started = Instant::now();
    let waiting = (0..64).map(|n| {
        let sent = rig.post("/v1/jobs", job(&format!("a{n}.example.net"))).send();
        tokio::spawn(sent)
    });
    let waiting: Vec<_> = waiting.collect();
    let plain = Instant::now();
    rig.submit(crate::rig::JOB).await;
    assert!(plain.elapsed() < Duration::from_secs(1), "{:?}", plain.elapsed());
    for sent in waiting {
        assert_eq!(sent.await.unwrap().unwrap().status(), StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
}
