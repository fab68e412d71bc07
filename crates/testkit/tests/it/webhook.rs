//! The webhook receiver.

use std::time::{Duration, Instant};

use testkit::{WebhookReceiver, WebhookResponse};

#[tokio::test]
async fn requests_are_recorded_and_answered_in_the_configured_order() {
    let catcher = WebhookReceiver::start().await;
    let delay = Duration::from_millis(50);
    catcher.respond_with([WebhookResponse::status(503), WebhookResponse::status(200).after(delay)]);

    let began = Instant::now();
    let mut statuses = Vec::new();
    for n in 0..3 {
        let request = reqwest::Client::new()
            .post(catcher.url("/hooks/a?b=c"))
            .header("webhook-id", n.to_string())
            .body(format!("body {n}"));
        statuses.push(request.send().await.unwrap().status().as_u16());
    }

    assert_eq!(statuses, [503, 200, 204]);
    assert!(began.elapsed() >= delay);
    let received = catcher.received();
    let ids: Vec<_> = received.iter().map(|hook| hook.header("webhook-id")).collect();
    assert_eq!(ids, [Some("0"), Some("1"), Some("2")]);
    assert_eq!(received[2].body, "body 2");
    assert_eq!(received[0].path, "/hooks/a?b=c");
    assert!(catcher.url("/").contains(&catcher.authority()));
}

#[tokio::test]
async fn a_dropped_catcher_takes_no_more() {
    let catcher = WebhookReceiver::start().await;
    let url = catcher.url("/");
    drop(catcher);
    tokio::task::yield_now().await;
    assert!(reqwest::get(url).await.is_err());
}
