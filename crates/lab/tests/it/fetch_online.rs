//! Both ways of fetching for real. They go online and one takes half a minute, so they run only
//! when asked for: `cargo test -p lab -- --ignored`.

use std::{fs, os::unix::fs::symlink, path::Path, process::Command, time::Instant};

use lab::{
    nats::{BinaryOrigin, Finder, Monitor, Server, ServerOptions},
    silent,
};
use testkit::PortBlock;

/// Finds one with nothing but this client on PATH, and runs it.
async fn fetch_with_only(program: &str, path: &Path, client: &'static str) {
    let home = tempfile::tempdir().unwrap();
    let bin = home.path().join("bin");
    fs::create_dir(&bin).unwrap();
    symlink(path, bin.join(program)).unwrap();
    let finder = Finder { given: None, cache: home.path().join("cache"), search: Some(bin.into()) };
    let began = Instant::now();
    let found = finder.find(&silent()).await.unwrap();
    println!("{client}: {:.1} s", began.elapsed().as_secs_f64());
    assert_eq!(found.origin, BinaryOrigin::Fetched(client));

    let ports = PortBlock::claim();
    let options = ServerOptions {
        port: ports.base(),
        monitor: Monitor::hidden_on(ports.base() + 1),
        folder: home.path().join("nats"),
        log: home.path().join("nats.log"),
        prefix: Vec::new(),
    };
    Server::start(&found.path, options).await.unwrap();
}

#[tokio::test]
#[ignore = "goes online"]
async fn go_builds_a_server_that_runs() {
    fetch_with_only("go", &which::which("go").unwrap(), "Go").await;
}

#[tokio::test]
#[ignore = "goes online"]
async fn pip_installs_a_server_that_runs() {
    // What is on PATH may be a script that needs other programs there.
    let itself = ["-c", "import sys; print(sys.executable, end='')"];
    let python = Command::new("python3").args(itself).output().unwrap();
    let path = String::from_utf8(python.stdout).unwrap();
    fetch_with_only("python3", Path::new(&path), "pip").await;
}
