//! Where webhooks go and where they do not, with names that lie.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use runtime::names::{Names, NamesConfig};
use testkit::{DnsAnswer, NameServer};

use super::{
    super::public_dns::{Allowed, Outside, PublicOnly},
    *,
};

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

/// A channel for which all names are what `names` says.
fn lying(config: &WebhookConfig, names: &(impl Resolve + Clone + 'static)) -> Webhook {
    Webhook::with_names(config, hosts(), names.clone(), names.clone()).unwrap()
}

fn refusal(sent: Sent) -> String {
    let Sent::NotAllowed { why } = sent else { panic!("{sent:?}") };
    assert!(!why.contains("s3cret"), "{why}");
    why
}

#[tokio::test]
async fn the_local_machine_is_refused_unless_it_is_allow_listed() {
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
async fn a_name_with_private_addresses_is_never_connected_to() {
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
        let webhook = lying(&config(""), &Says::only(inside));
        let why = refusal(send(&webhook, &url).await);
        assert_eq!(why, "hook.example.net has no public address");
    }
    assert!(receiver.is_untouched());

    let allow = config(&format!("hook.example.net:{port}"));
    let webhook = lying(&allow, &Says::only(&["127.0.0.1"]));
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
async fn the_systems_addresses_of_localhost_are_filtered_out() {
    let names = Names::new(&NamesConfig::default()).unwrap();
    let name = || "localhost".parse::<Name>().unwrap();
    assert!(Allowed(names.clone()).resolve(name()).await.unwrap().count() > 0);
    for error in [
        PublicOnly(Allowed(names.clone())).resolve(name()).await.err().unwrap(),
        PublicOnly(Outside(names)).resolve(name()).await.err().unwrap(),
    ] {
        assert_eq!(error.to_string(), "localhost has no public address");
    }
}

/// A channel that asks a name server of the test.
fn asking(server: &NameServer) -> Webhook {
    let names = NamesConfig { dns_servers: vec![server.address()] };
    channel(&WebhookConfig { names, ..config("") })
}

#[tokio::test]
async fn a_private_name_and_an_unknown_name_get_the_same_result() {
    let mut receiver = Receiver::answering(200, &[]).await;
    let ip = |text: &str| vec![text.parse().unwrap()];
    let server = NameServer::start([
        ("inside.example.net", DnsAnswer::As(ip("127.0.0.1"))),
        ("inside6.example.net", DnsAnswer::As(ip("::1"))),
        ("mixed.example.net", DnsAnswer::As([ip("10.0.0.1"), ip("fd00::1")].concat())),
        ("empty.example.net", DnsAnswer::As(Vec::new())),
    ])
    .await;
    let webhook = asking(&server);
    for host in ["inside", "inside6", "mixed", "empty", "unknown"] {
        let url = format!("http://{host}.example.net:{}/hook?token=s3cret", receiver.port());
        let why = refusal(send(&webhook, &url).await);
        assert_eq!(why, format!("{host}.example.net has no public address"));
    }
    assert!(receiver.is_untouched());
}

#[tokio::test]
async fn a_silent_name_server_is_a_failure_that_is_tried_again() {
    let server = NameServer::silent().await;
    let sent = send(&asking(&server), "http://hook.example.net/").await;
    assert!(matches!(&sent, Sent::Failed { why, .. } if why.contains("in time")), "{sent:?}");
}

#[tokio::test]
async fn a_name_that_rebinds_to_this_machine_is_never_connected_to() {
    let mut receiver = Receiver::answering(200, &[]).await;
    // 192.0.2.0/24 leads nowhere, but 1.1.1.1 is not to be called by a test.
    let known = DnsAnswer::Then(vec!["127.0.0.1".parse().unwrap(), "127.0.0.2".parse().unwrap()]);
    let server = NameServer::start([("rebinds.example.net", known)]).await;
    let webhook = asking(&server);
    for _ in 0..3 {
        let url = format!("http://rebinds.example.net:{}/hook?token=s3cret", receiver.port());
        refusal(send(&webhook, &url).await);
    }
    let queries = server.queries();
    assert!(queries.len() >= 6, "no caching: {queries:?}");
    assert!(queries.iter().all(|name| name == "rebinds.example.net."), "{queries:?}");
    assert!(receiver.is_untouched());
}

/// Answers with a public address first and with this machine's afterwards, as a rebinding name does.
#[derive(Clone, Default)]
struct Rebinds(Arc<AtomicUsize>);

impl Resolve for Rebinds {
    fn resolve(&self, _: Name) -> Resolving {
        let count = self.0.fetch_add(1, Ordering::Relaxed);
        let ip = if count == 0 { "1.1.1.1" } else { "127.0.0.1" };
        let address = SocketAddr::new(ip.parse().unwrap(), 0);
        Box::pin(async move { Ok(Box::new([address].into_iter()) as Addrs) })
    }
}

#[tokio::test]
async fn a_name_that_changes_its_address_between_check_and_connect_gets_nothing() {
    let names = Rebinds::default();
    let name = || "hook.example.net".parse::<Name>().unwrap();
    let checked: Vec<_> = PublicOnly(names.clone()).resolve(name()).await.unwrap().collect();
    assert_eq!(checked.len(), 1, "the first look-up is fine");

    let mut receiver = Receiver::answering(200, &[]).await;
    let webhook = lying(&config(""), &names);
    let url = format!("http://hook.example.net:{}/hook?token=s3cret", receiver.port());
    refusal(send(&webhook, &url).await);
    assert_eq!(names.0.load(Ordering::Relaxed), 2, "one look-up, whose answer is the one checked");
    assert!(receiver.is_untouched());
}
