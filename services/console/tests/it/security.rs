//! Protection against other web sites.

use reqwest::StatusCode;

use crate::under_test::{Console, in_time};

const PROTOBUF: &str = "application/x-protobuf";

#[tokio::test]
async fn both_http_servers_reject_unknown_host_names() {
    let console =
        Console::with(|config| config.admin.hosts.allowed_hosts = vec!["console".into()]).await;
    for (host, known) in [
        ("evil.example", false),
        ("127.0.0.1.evil.example", false),
        ("localhost:1", true),
        ("[::1]", true),
        ("console:8090", true),
    ] {
        let page = console.get("/api/status").header("host", host);
        let otlp = console.export("traces", PROTOBUF, Vec::new()).header("host", host);
        for request in [page, otlp] {
            let answer = in_time(request.send()).await.unwrap();
            let status = if known { StatusCode::OK } else { StatusCode::MISDIRECTED_REQUEST };
            assert_eq!(answer.status(), status, "{host}");
            if !known {
                assert_eq!(answer.headers()["content-type"], "application/problem+json");
            }
        }
    }
}

#[tokio::test]
async fn another_site_cannot_send_telemetry() {
    let console = Console::start().await;
    let foreign =
        console.export("traces", PROTOBUF, vec![1]).header("origin", "http://evil.example");
    assert_eq!(in_time(foreign.send()).await.unwrap().status(), StatusCode::FORBIDDEN);
    for form in ["text/plain", "application/x-www-form-urlencoded"] {
        let answer = in_time(console.export("traces", form, vec![1]).send()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
}

#[tokio::test]
async fn the_policy_of_every_response_allows_only_what_pages_need() {
    let console = Console::start().await;
    for path in ["/", "/api/status", "/assets/console.js", "/nowhere", "/healthz"] {
        let answer = in_time(console.get(path).send()).await.unwrap();
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'self'") && !policy.contains("unsafe"), "{path}");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff", "{path}");
    }
}

#[tokio::test]
async fn no_page_has_inline_script_or_style() {
    let console = Console::start().await;
    let page = console.page("/").await;
    assert!(!page.contains("<style") && !page.contains(" style=") && !page.contains("onclick"));
    let scripts: Vec<_> = page.matches("<script").collect();
    assert_eq!((scripts.len(), page.contains("<script src=")), (1, true));
}
