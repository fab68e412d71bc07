//! Where webhooks go and where they do not, with names that lie.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::{super::public_dns::PublicOnly, *};

/// Answers every name with the same addresses.
#[derive(Clone)]
struct Says(Vec<SocketAddr>);

impl Says {
    fn only(addresses: &[&str]) -> Self {
        Self(addresses.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect())
    }
}

impl Resolve for Says {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses = self.0.clone().into_iter();
        Box::pin(async move { Ok(Box::new(addresses) as Addrs) })
    }
}

fn refusal(sent: Sent) -> String {
    let Sent::NotAllowed { why } = sent else { panic!("{sent:?}") };
    assert!(!why.contains("s3cret"), "{why}");
    why
}

#[tokio::test]
async fn the_own_machine_is_refused_unless_it_is_allow_listed() {
    let mut receiver = Receiver::answering(200, &[]).await;
    let port = receiver.port();
    let webhook = channel(&config(""));
    for host in ["localhost", "127.0.0.1", "[::1]", "2130706433", "[::ffff:127.0.0.1]"] {
        let url = format!("http://{host}:{port}/hook?token=s3cret");
        let why = refusal(send(&webhook, &url).await);
        assert!(why.contains("not public"), "{why}");
    }
    assert!(receiver.is_untouched());

    let webhook = channel(&config(&format!("localhost:{port}")));
    let sent = send(&webhook, &format!("http://localhost:{port}/")).await;
    assert_eq!(sent, Sent::Delivered { status: 200 });
    let why = refusal(send(&webhook, &format!("http://127.0.0.1:{port}/")).await);
    assert!(why.contains("not public"), "{why}");
}

#[tokio::test]
async fn a_public_looking_name_that_leads_inside_is_never_connected_to() {
    let mut receiver = Receiver::answering(200, &[]).await;
    let port = receiver.port();
    let url = format!("http://hook.example.net:{port}/hook?token=s3cret");
    for inside in [
        &["127.0.0.1"][..],
        &["::1", "127.0.0.1"],
        &["::ffff:127.0.0.1"],
        &["0.0.0.0"],
        &["::"],
        &["64:ff9b::7f00:1"],
        &["2002:7f00:1::"],
        &["169.254.169.254", "fd00:ec2::254"],
        &[],
    ] {
        let webhook = Webhook::with_names(&config(""), hosts(), Says::only(inside)).unwrap();
        let why = refusal(send(&webhook, &url).await);
        assert_eq!(why, "hook.example.net leads to no public address");
    }
    assert!(receiver.is_untouched());

    let allow = config(&format!("hook.example.net:{port}"));
    let webhook = Webhook::with_names(&allow, hosts(), Says::only(&["127.0.0.1"])).unwrap();
    assert_eq!(send(&webhook, &url).await, Sent::Delivered { status: 200 });
}

#[tokio::test]
async fn only_the_public_addresses_of_a_name_are_left() {
    let names = Says::only(&["10.0.0.1", "1.1.1.1", "fe80::1", "2606:4700::1111", "127.0.0.1"]);
    let name: Name = "hook.example.net".parse().unwrap();
    let left: Vec<_> =
        PublicOnly(names).resolve(name).await.unwrap().map(|a| a.ip().to_string()).collect();
    assert_eq!(left, ["1.1.1.1", "2606:4700::1111"]);
}

#[tokio::test]
async fn what_the_system_finds_for_localhost_is_left_out() {
    let name: Name = "localhost".parse().unwrap();
    let found = super::super::public_dns::SystemDns.resolve(name).await.unwrap();
    assert!(found.count() > 0);
    let name: Name = "localhost".parse().unwrap();
    let error = PublicOnly(super::super::public_dns::SystemDns).resolve(name).await.err().unwrap();
    assert_eq!(error.to_string(), "localhost leads to no public address");
}

/// Answers with a public address first and with this machine's afterwards, as a rebinding name does.
#[derive(Clone, Default)]
struct Rebinds(Arc<AtomicUsize>);

impl Resolve for Rebinds {
    fn resolve(&self, _: Name) -> Resolving {
        let asked = self.0.fetch_add(1, Ordering::Relaxed);
        let ip = if asked == 0 { "1.1.1.1" } else { "127.0.0.1" };
        let address = SocketAddr::new(ip.parse().unwrap(), 0);
        Box::pin(async move { Ok(Box::new([address].into_iter()) as Addrs) })
    }
}

#[tokio::test]
async fn a_name_that_changes_its_mind_between_check_and_connection_gets_nothing() {
    let names = Rebinds::default();
    let name = || "hook.example.net".parse::<Name>().unwrap();
    let checked: Vec<_> = PublicOnly(names.clone()).resolve(name()).await.unwrap().collect();
    assert_eq!(checked.len(), 1, "the first look-up is fine");

    let mut receiver = Receiver::answering(200, &[]).await;
    let webhook = Webhook::with_names(&config(""), hosts(), names.clone()).unwrap();
    let url = format!("http://hook.example.net:{}/hook?token=s3cret", receiver.port());
    refusal(send(&webhook, &url).await);
    assert_eq!(names.0.load(Ordering::Relaxed), 2, "one look-up, whose answer is the one checked");
    assert!(receiver.is_untouched());
}
