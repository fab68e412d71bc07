//! Which nats-server will do, and how a binary is asked for its version.

use std::path::Path;

use semver::Version;
use tokio::process::Command;

use super::command::{ASK_LIMIT, output};

/// The version the lab fetches. `nats/server/` pins the same one; a test compares them.
pub(super) const PINNED: &str = "2.14.5";
/// The oldest one that will do: the first with a time to live for single messages.
pub(super) const OLDEST: Version = Version::new(2, 11, 0);

/// Asks a binary; the error says in one line why it will not do.
pub(super) async fn ask(binary: &Path) -> Result<Version, String> {
    let mut command = Command::new(binary);
    command.arg("--version");
    let text = output(command, ASK_LIMIT).await.map_err(|error| error.to_string())?;
    let version = parse(&text).ok_or_else(|| format!("it answers `{}`", text.trim()))?;
    if version < OLDEST {
        return Err(format!("version {version} is too old, {OLDEST} is needed"));
    }
    Ok(version)
}

/// Reads `nats-server: v2.14.5`, and the `nats-server version 2.x` of older ones.
fn parse(text: &str) -> Option<Version> {
    let word = text.lines().next()?.split_whitespace().last()?;
    Version::parse(word.trim_start_matches('v')).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_servers_say_them() {
        assert_eq!(parse("nats-server: v2.14.5\n"), Some(Version::new(2, 14, 5)));
        assert_eq!(parse("nats-server version 2.1.9"), Some(Version::new(2, 1, 9)));
        assert!(parse("nats-server: v2.12.0-preview.1").unwrap() > OLDEST);
        assert_eq!(parse("something else"), None);
    }
}
