//! The required version of nats-server, and how to query the version of a binary.

use std::path::Path;

use semver::Version;
use tokio::process::Command;

use super::command::{VERSION_LIMIT, output};

/// The version the lab fetches. `nats/server/` pins the same one; a test compares them.
pub(super) const PINNED: &str = "2.14.5";
/// The oldest supported version: the first with a TTL for single messages.
pub(super) const OLDEST: Version = Version::new(2, 11, 0);

/// Queries the version of a binary; the error says in one line why it is unsuitable.
pub(super) async fn query(binary: &Path) -> Result<Version, String> {
    let mut command = Command::new(binary);
    command.arg("--version");
    let text = output(command, VERSION_LIMIT).await.map_err(|error| error.to_string())?;
    let version = parse(&text).ok_or_else(|| format!("--version printed `{}`", text.trim()))?;
    if version < OLDEST {
        return Err(format!("version {version} is too old, {OLDEST} is needed"));
    }
    Ok(version)
}

/// Parses `nats-server: v2.14.5`, and the older format `nats-server version 2.x`.
fn parse(text: &str) -> Option<Version> {
    let word = text.lines().next()?.split_whitespace().last()?;
    Version::parse(word.trim_start_matches('v')).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_parsed_as_servers_print_them() {
        assert_eq!(parse("nats-server: v2.14.5\n"), Some(Version::new(2, 14, 5)));
        assert_eq!(parse("nats-server version 2.1.9"), Some(Version::new(2, 1, 9)));
        assert!(parse("nats-server: v2.12.0-preview.1").unwrap() > OLDEST);
        assert_eq!(parse("something else"), None);
    }
}
