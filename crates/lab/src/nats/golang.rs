//! Fetches nats-server with Go: the official module, pinned by go.sum.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use semver::Version;
use tokio::process::Command;

use super::{
    Finder,
    command::{VERSION_LIMIT, output},
    fetch::FETCH_LIMIT,
};

/// Name of the package client.
pub(super) const NAME: &str = "Go";
pub(super) const GO_MOD: &str = include_str!("../../../../nats/server/go.mod");
pub(super) const GO_SUM: &str = include_str!("../../../../nats/server/go.sum");
const MODULE: &str = "github.com/nats-io/nats-server/v2";

/// Finds a Go that can build nats-server; the error says why there is none.
pub(super) async fn find_go(finder: &Finder) -> Result<PathBuf, String> {
    let go = finder.program("go").ok_or("no `go` on PATH")?;
    check_version(finder, &go).await?;
    Ok(go)
}

/// Builds nats-server in the folder `bench`; the error says why that failed.
pub(super) async fn build(finder: &Finder, go: &Path, bench: &Path) -> Result<PathBuf, String> {
    write_module(bench).map_err(|error| error.to_string())?;
    let mut command = clean(finder, go);
    command
        .current_dir(bench)
        .args(["build", "-mod=readonly", "-trimpath", "-buildvcs=false"])
        .args(["-ldflags", "-s -w", "-o", "nats-server", MODULE]);
    output(command, FETCH_LIMIT).await.map_err(|error| format!("go build: {error}"))?;
    Ok(bench.join("nats-server"))
}

fn write_module(bench: &Path) -> io::Result<()> {
    fs::create_dir_all(bench)?;
    fs::write(bench.join("go.mod"), GO_MOD)?;
    fs::write(bench.join("go.sum"), GO_SUM)
}

/// Checks Go's version: an older one would fail during the build, or download a newer Go.
async fn check_version(finder: &Finder, go: &Path) -> Result<(), String> {
    let mut command = clean(finder, go);
    command.args(["env", "GOVERSION"]);
    let printed =
        output(command, VERSION_LIMIT).await.map_err(|error| format!("go env: {error}"))?;
    let needed = needed().expect("the pinned go.mod names the Go it needs");
    match version(&printed) {
        Some(found) if found >= needed => Ok(()),
        _ => Err(format!("Go {needed} or newer is needed, this is {}", printed.trim())),
    }
}

/// The `go` command with the user's module sources, but without settings that change the result.
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

/// Parses `go1.26.8`, `1.25.0`, and `go1.25` or `go1.26rc1` for first releases and release candidates.
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
    fn versions_are_parsed_as_go_prints_them() {
        assert_eq!(version("go1.26.8\n"), Some(Version::new(1, 26, 8)));
        assert_eq!(version("go1.25"), Some(Version::new(1, 25, 0)));
        assert_eq!(version("go1.26rc1"), Some(Version::new(1, 26, 0)));
        assert_eq!(version("go1.26.5-X:nodwarf5"), Some(Version::new(1, 26, 5)));
        assert_eq!(version("devel +abc"), None);
        assert!(needed().is_some());
    }
}
