//! `make pin-images` writes the digests of the tags in `.env`, from a registry.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Output},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::broker_with_users::repository;

/// The variables of `.env` that hold a digest.
const DIGESTS: [&str; 8] =
    ["RUST", "DEBIAN", "NATS", "OTEL_COLLECTOR", "TEMPO", "LOKI", "PROMETHEUS", "GRAFANA"];
/// An image that the registry of the test does not have.
const UNKNOWN: &str = "grafana/loki";

#[tokio::test(flavor = "multi_thread")]
async fn each_tag_gets_the_digest_of_the_registry_and_an_unknown_image_keeps_its_line() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let registry = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(serve(listener, registry.clone()));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("env");
    let before = fs::read_to_string(repository().join(".env")).unwrap();
    fs::write(&file, &before).unwrap();

    let output = pin(&file, &registry, &[]).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("NOT PINNED  grafana/loki:"), "{output:?}");
    let pinned = lines(&file);
    for name in DIGESTS {
        let digest = &pinned[&format!("{name}_DIGEST")];
        let wanted = if name == "LOKI" { 0 } else { "@sha256:".len() + 64 };
        assert_eq!(digest.len(), wanted, "{name}: {digest}");
    }
    let digests: std::collections::BTreeSet<_> =
        DIGESTS.iter().map(|name| &pinned[&format!("{name}_DIGEST")]).collect();
    assert_eq!(digests.len(), DIGESTS.len(), "each image has its own");

    let output = pin(&file, &registry, &["--clear"]).await;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), before, "nothing else has changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_registry_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("env");
    let before = fs::read_to_string(repository().join(".env")).unwrap();
    fs::write(&file, &before).unwrap();
    // The port was free a moment ago.
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let output = pin(&file, &format!("http://{free}"), &[]).await;
    assert!(!output.status.success(), "{output:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
}

async fn pin(file: &Path, registry: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(repository().join("lab-tests/pin-images"));
    command.env("ENV_FILE", file).env("REGISTRY", registry).args(arguments);
    tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap()
}

fn lines(file: &Path) -> BTreeMap<String, String> {
    let text = fs::read_to_string(file).unwrap();
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A registry that requires a token and has every image except one.
async fn serve(listener: TcpListener, address: String) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer(stream, address.clone()));
    }
}

async fn answer(mut stream: TcpStream, address: String) {
    let (mut request, mut piece) = (Vec::new(), [0; 4096]);
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let Ok(read @ 1..) = stream.read(&mut piece).await else { return };
        request.extend_from_slice(&piece[..read]);
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let path = request.split(' ').nth(1).unwrap_or_default();
    let scope = path.trim_start_matches("/v2/").split("/manifests/").next().unwrap();
    let response = if path.starts_with("/token?service=test&scope=repository:") {
        let body = format!("{{\"token\":\"for-{}\"}}", path.rsplit("scope=").next().unwrap());
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    } else if !request.contains(&format!("Bearer for-repository:{scope}:pull")) {
        format!(
            "HTTP/1.1 401 Unauthorized\r\nWww-Authenticate: Bearer realm=\"{address}/token\",\
             service=\"test\",scope=\"repository:{scope}:pull\"\r\nContent-Length: 0\r\n\r\n"
        )
    } else if scope == UNKNOWN {
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned()
    } else {
        let sum = path
            .bytes()
            .fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
        format!(
            "HTTP/1.1 200 OK\r\ndocker-content-digest: sha256:{sum:064x}\r\nContent-Length: 0\r\n\r\n"
        )
    };
    stream
        .write_all(response.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n").as_bytes())
        .await
        .ok();
}
