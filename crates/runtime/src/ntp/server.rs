//! The address of a time server.

use std::{fmt, str::FromStr};

/// The port of NTP.
const PORT: u16 = 123;

/// A time server's name or address, and its port. A name is looked up for each query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeServer(String);

/// The text is not a time server's address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a host and its port, such as ntp:123, 127.0.0.1:9123 or [::1]:123")]
pub struct InvalidTimeServer;

impl TimeServer {
    /// `host:port`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TimeServer {
    type Err = InvalidTimeServer;

    fn from_str(text: &str) -> Result<Self, InvalidTimeServer> {
        let text = text.trim();
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                (host, port.parse().map_err(|_| InvalidTimeServer)?)
            }
            // An IPv6 address without brackets: its last group is no port.
            Some(_) => return Err(InvalidTimeServer),
            None => (text, PORT),
        };
        let fits =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
        if host.is_empty() || port == 0 || !host.chars().all(fits) {
            return Err(InvalidTimeServer);
        }
        Ok(Self(format!("{host}:{port}")))
    }
}

impl fmt::Display for TimeServer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_server_is_a_host_and_a_port() {
        let server = |text: &str| text.parse().map(|server: TimeServer| server.to_string());
        for (text, read) in [
            ("ntp", "ntp:123"),
            ("ntp:1123", "ntp:1123"),
            ("127.0.0.1:9123", "127.0.0.1:9123"),
            ("[::1]:123", "[::1]:123"),
        ] {
            assert_eq!(server(text).as_deref(), Ok(read));
        }
        for wrong in ["", ":123", "ntp:", "ntp:0", "ntp:65536", "::1", "n tp:1", "udp://ntp:123"] {
            assert_eq!(server(wrong), Err(InvalidTimeServer), "{wrong}");
        }
    }
}
