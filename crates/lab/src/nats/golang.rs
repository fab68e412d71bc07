//! Fetching with Go: the official module, every byte of it pinned by go.sum.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use semver::Version;
use tokio::process::Command;

use super::{
    Finder,
    command::{ASK_LIMIT, output},
    fetch::FETCH_LIMIT,
};

/// The way's name.
pub(super) const NAME: &str = "Go";
pub(super) const GO_MOD: &str = include_str!("../../../../nats/server/go.mod");
pub(super) const GO_SUM: &str = include_str!("../../../../nats/server/go.sum");
const MODULE: &str = "github.com/nats-io/nats-server/v2";

/// A Go that can build it; the error says why there is none.
pub(super) async fn at_hand(finder: &Finder) -> Result<PathBuf, String> {
    let go = finder.program("go").ok_or("no `go` on PATH")?;
    fits(finder, &go).await?;
    Ok(go)
}

/// Builds it in `bench`; the error says why not.
pub(super) async fn build(finder: &Finder, go: &Path, bench: &Path) -> Result<PathBuf, String> {
    lay_out(bench).map_err(|error| error.to_string())?;
    let mut command = clean(finder, go);
    command
        .current_dir(bench)
        .args(["build", "-mod=readonly", "-trimpath", "-buildvcs=false"])
        .args(["-ldflags", "-s -w", "-o", "nats-server", MODULE]);
    output(command, FETCH_LIMIT).await.map_err(|error| format!("go build: {error}"))?;
    Ok(bench.join("nats-server"))
}

fn lay_out(bench: &Path) -> io::Result<()> {
    fs::create_dir_all(bench)?;
    fs::write(bench.join("go.mod"), GO_MOD)?;
    fs::write(bench.join("go.sum"), GO_SUM)
}

/// Go would otherwise stop in the middle, or fetch itself a newer Go.
async fn fits(finder: &Finder, go: &Path) -> Result<(), String> {
    let mut command = clean(finder, go);
    command.args(["env", "GOVERSION"]);
    let said = output(command, ASK_LIMIT).await.map_err(|error| format!("go env: {error}"))?;
    let needed = needed().expect("the pinned go.mod names the Go it needs");
    match version(&said) {
        Some(found) if found >= needed => Ok(()),
        _ => Err(format!("Go {needed} or newer is needed, this is {}", said.trim())),
    }
}

/// Go with the user's own sources of modules, but none of the settings that change what is built.
fn clean(finder: &Finder, go: &Path) -> Command {
    let mut command = Command::new(go);
    if let Some(search) = &finder.search {
        command.env("PATH", search);
    }
    command
        .env("CGO_ENABLED", "0")
        .env("GO111MODULE", "on")
        .env("GOFLAGS", "-mod=readonly")
        .env("GOTOOLCHAIN", "local")
        .env("GOWORK", "off")
        .env_remove("GOOS")
        .env_remove("GOARCH");
    command
}

fn needed() -> Option<Version> {
    let line = GO_MOD.lines().find_map(|line| line.strip_prefix("go "))?;
    version(line)
}

/// Reads `go1.26.8`, `1.25.0`, and the `go1.25` or `go1.26rc1` of a first or early release.
fn version(text: &str) -> Option<Version> {
    let text = text.trim().trim_start_matches("go");
    let digits: &str =
        text.split(|c: char| c.is_ascii_alphabetic() || c == ' ' || c == '-').next()?;
    let mut parts = digits.split('.').map(str::parse);
    let major = parts.next()?.ok()?;
    let minor = parts.next()?.ok()?;
    let patch = parts.next().map_or(Some(0), Result::ok)?;
    Some(Version::new(major, minor, patch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_go_are_read_as_go_says_them() {
        assert_eq!(version("go1.26.8\n"), Some(Version::new(1, 26, 8)));
        assert_eq!(version("go1.25"), Some(Version::new(1, 25, 0)));
        assert_eq!(version("go1.26rc1"), Some(Version::new(1, 26, 0)));
        assert_eq!(version("go1.26.5-X:nodwarf5"), Some(Version::new(1, 26, 5)));
        assert_eq!(version("devel +abc"), None);
        assert!(needed().is_some());
    }
}
