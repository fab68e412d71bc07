//! Receivers that are slow, endless, away or hang up: each costs one try, and no more than its time.

use super::{
    receiver::{Manners, Raw},
    *,
};

/// Sends to a server with these manners. No try may last much longer than its limit of 500 ms.
async fn send_to_raw(manners: Manners, scheme: &str) -> Sent {
    let raw = Raw::with(manners).await;
    let mut config = config(&raw.authority());
    config.webhook_timeout_ms = 500;
    let start = Instant::now();
    let url = format!("{scheme}://{}/hook?token=s3cret", raw.authority());
    let sent = send(&channel(&config), &url).await;
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    sent
}

fn failure(sent: Sent) -> String {
    let Sent::Failed { after: None, why } = sent else { panic!("{sent:?}") };
    assert!(!why.contains("s3cret"), "{why}");
    why
}

#[tokio::test]
async fn a_slow_response_is_limited_by_its_total_time() {
    let why = failure(send_to_raw(Manners::DripsHeaders, "http").await);
    assert_eq!(why, "no response within 500ms");
}

#[tokio::test]
async fn a_body_that_drips_does_not_delay_the_result() {
    let sent = send_to_raw(Manners::DripsBody, "http").await;
    assert_eq!(sent, Sent::Delivered { status: 200 });
}

#[tokio::test]
async fn a_response_with_endless_headers_is_a_failure() {
    let why = failure(send_to_raw(Manners::EndlessHeaders, "http").await);
    assert!(why.contains("connection lost"), "{why}");
}

#[tokio::test]
async fn a_connection_that_is_reset_is_tried_again() {
    let why = failure(send_to_raw(Manners::Resets, "http").await);
    assert!(why.contains("connection lost") || why.contains("cannot connect"), "{why}");
}

#[tokio::test]
async fn a_hanging_tls_handshake_times_out() {
    let why = failure(send_to_raw(Manners::Silent, "https").await);
    assert_eq!(why, "no response within 500ms");
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_tried_again() {
    let why = failure(send_to_raw(Manners::DripsBody, "https").await);
    assert!(why.contains("cannot connect"), "{why}");
}

#[tokio::test]
async fn a_short_response_leaves_its_connection_for_the_next_notification() {
    let polite = Raw::with(Manners::KeepsAlive).await;
    let webhook = channel(&config(&polite.authority()));
    for _ in 0..3 {
        let sent = send(&webhook, &polite.url("/")).await;
        assert_eq!(sent, Sent::Delivered { status: 200 });
    }
    assert_eq!(polite.connections(), 1);
}

#[tokio::test]
async fn a_receiver_that_never_responds_times_out() {
    let silent = Raw::with(Manners::Silent).await;
    let mut config = config(&silent.authority());
    config.webhook_timeout_ms = 150;
    let webhook = channel(&config);
    let start = Instant::now();
    let sent = send(&webhook, &silent.url("/hook?token=s3cret")).await;
    let why = "no response within 150ms".to_owned();
    assert_eq!(sent, Sent::Failed { after: None, why });
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

#[tokio::test]
async fn an_endless_response_is_not_read() {
    let endless = Raw::with(Manners::Endless).await;
    let webhook = channel(&config(&endless.authority()));
    let start = Instant::now();
    assert_eq!(send(&webhook, &endless.url("/")).await, Sent::Delivered { status: 200 });
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_receiver_that_is_unreachable_or_hangs_up_is_tried_again() {
    let away = receiver::free_authority().await;
    let hangs_up = Raw::with(Manners::HangsUp).await;
    for (authority, word) in [(away, "cannot connect"), (hangs_up.authority(), "connection lost")] {
        let webhook = channel(&config(&authority));
        let sent = send(&webhook, &format!("http://{authority}/hook?token=s3cret")).await;
        let Sent::Failed { after: None, why } = sent else { panic!("{sent:?}") };
        assert!(why.contains(word) && !why.contains("s3cret"), "{why}");
    }
}
