//! Many hostile clients against real processes limited to 1,024 open files: a well-behaved client still gets a
//! response, and memory stays bounded.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use lab::Part;
use lab_tests::waybill;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit, setrlimit};
use serde_json::json;
use testkit::{LabUnderTest, NameServer};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpSocket, TcpStream},
    time::{sleep, timeout},
};

/// Timeout for the response to a well-behaved client.
const SOON: Duration = Duration::from_secs(3);
/// The same for the first well-behaved client, which waits behind a thousand others; for a build without optimization.
const BURST: Duration = Duration::from_secs(30);
/// Duration of an attack.
const HELD: Duration = Duration::from_secs(4);
/// Most growth of a process, in KiB.
const GROWTH_KIB_MAX: u64 = 64 * 1024;
const FILES: u64 = 1_024;

/// One kind of hostile client.
struct Rude {
    name: &'static str,
    count: usize,
    port: u16,
    words: String,
    part: Part,
    honest: String,
}

/// Limits the open files of a part, as `ulimit -n 1024` does.
fn restrict(lab: &LabUnderTest, part: Part) {
    let limit = Rlimit { current: Some(FILES), maximum: Some(FILES) };
    prlimit(Some(pid(lab, part)), Resource::Nofile, limit).unwrap();
}

fn pid(lab: &LabUnderTest, part: Part) -> Pid {
    let pid = lab.part(part).unwrap().pid.unwrap();
    Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
}

/// Resident memory of a part, in KiB.
fn resident_kib(lab: &LabUnderTest, part: Part) -> u64 {
    let path = format!("/proc/{}/status", pid(lab, part).as_raw_nonzero());
    let status = std::fs::read_to_string(path).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

async fn connect(rude: &Rude) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, rude.port));
    let mut stream = timeout(SOON, socket.connect(address)).await.ok()?.ok()?;
    // It may be closed again already.
    let _ = timeout(SOON, stream.write_all(rude.words.as_bytes())).await;
    Some(stream)
}

/// Response times of the first well-behaved client and of the slowest of those after it, each on its own connection.
async fn honest(url: &str) -> (Duration, Duration) {
    let first = ask(url, BURST).await;
    let (mut longest, began) = (Duration::ZERO, Instant::now());
    while began.elapsed() < HELD {
        longest = longest.max(ask(url, SOON).await);
        sleep(Duration::from_millis(100)).await;
    }
    (first, longest)
}

async fn ask(url: &str, limit: Duration) -> Duration {
    let http = reqwest::Client::builder().no_proxy().timeout(limit).build().unwrap();
    let start = Instant::now();
    let response = http.get(url).send().await.unwrap_or_else(|error| panic!("{url}: {error:?}"));
    assert_eq!(response.status(), 200, "{url}");
    response.bytes().await.unwrap();
    start.elapsed()
}

fn rude_clients(lab: &LabUnderTest) -> Vec<Rude> {
    let ports = lab.ports();
    let jobs = format!("{}/v1/jobs", lab.gateway_url());
    let page = format!("{}/api/status", lab.console_url());
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let post = "POST /v1/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{";
    let export = "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-protobuf\r\ncontent-length: 1000\r\n\r\nx";
    let rude = |name, count, port, words: String, part, honest: &str| Rude {
        name,
        count,
        port,
        words,
        part,
        honest: honest.to_owned(),
    };
    let gateway =
        |name, count, words| rude(name, count, ports.gateway, words, Part::Gateway, &jobs);
    let console = |name, count, port, words| rude(name, count, port, words, Part::Console, &page);
    let ready = format!("http://127.0.0.1:{}/readyz", ports.gateway_admin);
    vec![
        rude(
            "idle on the admin port",
            3_000,
            ports.gateway_admin,
            String::new(),
            Part::Gateway,
            &jobs,
        ),
        rude("the same", 500, ports.gateway_admin, String::new(), Part::Gateway, &ready),
        rude(
            "unread metrics",
            200,
            ports.gateway_admin,
            get("/metrics").repeat(50),
            Part::Gateway,
            &ready,
        ),
        gateway("unread responses, pipelined", 1_024, get("/openapi.json").repeat(120)),
        gateway("idle", 2_000, String::new()),
        gateway("heads that do not end", 1_024, "GET / HTTP/1.1\r\nx: ".to_owned()),
        gateway("bodies that do not end", 1_024, post.to_owned()),
        console("idle", 1_000, ports.console, String::new()),
        console("unread pages", 400, ports.console, get("/assets/console.css").repeat(100)),
        console("unfinished webhooks", 400, ports.console, post.replace("/v1/jobs", "/hooks/x")),
        console("idle on OTLP/gRPC", 1_000, ports.otlp_grpc, String::new()),
        console("unfinished exports", 400, ports.otlp_http, export.to_owned()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_well_behaved_client_gets_a_response_while_hostile_clients_hold_connections() {
    let own = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: own.maximum, ..own }).unwrap();
    let lab = LabUnderTest::start(&waybill()).await;
    for part in [Part::Gateway, Part::Console] {
        restrict(&lab, part);
    }
    for rude in rude_clients(&lab) {
        let before = resident_kib(&lab, rude.part);
        let mut held = Vec::new();
        for _ in 0..rude.count {
            held.extend(connect(&rude).await);
        }
        let (first, longest) = honest(&rude.honest).await;
        let after = resident_kib(&lab, rude.part);
        println!(
            "{} × {} ({}): the first honest client waited {first:?}, the others at most {longest:?}; memory {before} → {after} KiB",
            rude.count, rude.name, rude.part
        );
        assert!(after <= before + GROWTH_KIB_MAX, "{}", rude.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_server_that_never_responds_uses_up_no_threads_or_file_descriptors() {
    let server = NameServer::silent().await;
    let lab = LabUnderTest::start_with(&waybill(), |options| {
        options.env.push(("WAYBILL_DNS_SERVERS".into(), server.address().to_string()));
    })
    .await;
    let before = (threads(&lab), files(&lab));
    let url = format!("{}/v1/jobs", lab.gateway_url());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..64 {
        let (http, url) = (http.clone(), url.clone());
        clients.spawn(async move {
            let notify = format!("https://host-{client}.example.net/");
            let job = json!({
                "name": "notified", "operations": [{"kind": "add", "inputs": [1, 2]}],
                "notify": {"channel": "webhook", "url": notify},
            });
            for _ in 0..3 {
                let response = http.post(&url).json(&job).send().await.unwrap();
                assert_eq!(response.status(), 422);
            }
        });
    }
    let mut most = (0, 0);
    while !clients.is_empty() {
        most = (most.0.max(threads(&lab)), most.1.max(files(&lab)));
        if let Ok(Some(ended)) = timeout(Duration::from_millis(50), clients.join_next()).await {
            ended.unwrap();
        }
    }
    println!(
        "threads, descriptors of the gateway: {before:?} before, at most {most:?} during the test"
    );
    assert!(most.0 <= before.0 + 8, "{most:?} threads");
    assert!(most.1 <= before.1 + 200, "{most:?} descriptors");
}

fn threads(lab: &LabUnderTest) -> usize {
    entries(lab, "task")
}

fn files(lab: &LabUnderTest) -> usize {
    entries(lab, "fd")
}

fn entries(lab: &LabUnderTest, what: &str) -> usize {
    let path = format!("/proc/{}/{what}", pid(lab, Part::Gateway).as_raw_nonzero());
    std::fs::read_dir(path).unwrap().count()
}
