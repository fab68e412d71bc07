//! A nats-server per test, removed afterwards.

use async_nats::jetstream;
use testkit::{NatsServer, eventually};

use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(10);

async fn jetstream(server: &NatsServer) -> jetstream::Context {
    let client = async_nats::connect(server.url()).await.unwrap();
    jetstream::new(client)
}

async fn publish(context: &jetstream::Context, text: &'static str) {
    let sent = context.publish("kept.it", text.into()).await.unwrap();
    sent.await.unwrap();
}

async fn stored(server: &NatsServer) -> u64 {
    let context = jetstream(server).await;
    let stream = context.get_stream("KEPT").await.unwrap();
    stream.cached_info().state.messages
}

#[tokio::test]
async fn acked_messages_survive_a_kill_and_a_stop() {
    let mut server = NatsServer::start().await;
    let url = server.url();
    let context = jetstream(&server).await;
    let config = jetstream::stream::Config {
        name: "KEPT".into(),
        subjects: vec!["kept.>".into()],
        ..Default::default()
    };
    context.create_stream(config).await.unwrap();

    publish(&context, "before the kill").await;
    server.kill().await;
    assert_eq!(server.pid(), None);
    server.restart().await;
    assert_eq!(stored(&server).await, 1);

    publish(&jetstream(&server).await, "before the stop").await;
    server.stop_gracefully().await;
    assert!(async_nats::connect(server.url()).await.is_err());
    server.restart().await;
    assert_eq!(stored(&server).await, 2);
    assert_eq!(server.url(), url);
}

#[tokio::test]
async fn two_servers_share_nothing() {
    let (one, two) = tokio::join!(NatsServer::start(), NatsServer::start());
    assert_ne!(one.url(), two.url());
    let context = jetstream(&one).await;
    let config = jetstream::stream::Config { name: "KEPT".into(), ..Default::default() };
    context.create_stream(config).await.unwrap();
    assert!(jetstream(&two).await.get_stream("KEPT").await.is_err());
}

#[tokio::test]
async fn a_paused_server_responds_again_after_a_resume() {
    let server = NatsServer::start().await;
    let health = format!("{}/healthz", server.monitor_url());
    let ask = || reqwest::Client::new().get(&health).timeout(LIMIT / 20).send();

    server.pause().await;
    assert!(ask().await.is_err());
    server.resume();
    eventually(LIMIT, "an answer of the server", ask).await;
}

#[tokio::test]
async fn a_dropped_server_is_gone() {
    let server = NatsServer::start().await;
    let url = server.url();
    drop(server);
    eventually(LIMIT, "the end of the server", async || async_nats::connect(&url).await.is_err())
        .await;
}
