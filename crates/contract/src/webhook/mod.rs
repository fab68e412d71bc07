//! The rules for webhook addresses.
//!
//! Host names are checked here only by their spelling. Before it connects, the notifier must resolve the name, check
//! every address with [`is_public`], and connect to an address that it has checked.

use std::str::FromStr;

use url::{Host, Url};

use crate::{BodyError, job::WEBHOOK_URL_MAX, text::hidden_char};

mod address;

pub use address::is_public;

/// Maximum number of pairs on an allow-list.
pub const ALLOW_MAX: usize = 64;
/// The field that address errors name.
const FIELD: &str = "notify.url";
/// Suffixes of names that always lead into the own machine, network or cloud. Names without a dot count as such too.
const LOCAL_SUFFIXES: &[&str] =
    &["localhost", "localdomain", "local", "internal", "lan", "home.arpa"];
/// Names of cloud metadata services that do not end in `internal`.
const METADATA_NAMES: &[&str] = &["metadata.goog", "metadata.tencentyun.com"];

/// The exact `host:port` pairs that webhooks may use although they are not public. Empty by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowList(Vec<(Host, u16)>);

/// What is wrong with an allow-list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAllowList {
    /// An entry is not an exact pair.
    #[error("`{0}` is not an exact host:port, such as 127.0.0.1:8090 or [::1]:8090")]
    Entry(String),
    /// Longer than [`ALLOW_MAX`].
    #[error("an allow-list has at most {ALLOW_MAX} entries")]
    TooLong,
}

impl FromStr for AllowList {
    type Err = NotAnAllowList;

    /// Parses `host:port,host:port`; spaces around entries and empty entries are ignored.
    fn from_str(text: &str) -> Result<Self, NotAnAllowList> {
        let entries = text.split(',').map(str::trim).filter(|e| !e.is_empty());
        let pairs = entries.map(pair).collect::<Result<Vec<_>, _>>()?;
        if pairs.len() > ALLOW_MAX {
            return Err(NotAnAllowList::TooLong);
        }
        Ok(Self(pairs))
    }
}

impl AllowList {
    fn has(&self, host: &Host, port: u16) -> bool {
        self.0.iter().any(|(h, p)| h == host && *p == port)
    }
}

/// A webhook address whose spelling is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookTarget {
    url: Url,
    host: Host,
    port: u16,
    allow_listed: bool,
}

impl WebhookTarget {
    /// The normalised address. It may hold secrets in its path, so it stays out of logs and spans.
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// The host without brackets: a name or a literal address.
    pub fn host(&self) -> String {
        match &self.host {
            Host::Ipv6(ip) => ip.to_string(),
            host => host.to_string(),
        }
    }

    /// Host and port in canonical form: lower case, IPv6 in brackets, no trailing dot.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host.to_string().trim_end_matches('.'), self.port)
    }

    /// The port, or the scheme's default port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether host and port are on the allow-list, so that its addresses need not be public.
    pub const fn is_allow_listed(&self) -> bool {
        self.allow_listed
    }
}

/// Parses and checks `url`. A host that is not on `allow` must look public. A literal address is then known to be
/// public; a name must still be resolved and checked.
pub fn parse_target(url: &str, allow: &AllowList) -> Result<WebhookTarget, BodyError> {
    let url = plain_url(url)?;
    let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
        return wrong("must have a host and a port");
    };
    let host = host.to_owned();
    let allow_listed = allow.has(&host, port);
    if !allow_listed && !looks_public(&host) {
        return wrong(format!(
            "leads to {host}:{port}, which is not public: use a public address or have this lab allow that host and port"
        ));
    }
    Ok(WebhookTarget { url, host, port, allow_listed })
}

fn plain_url(text: &str) -> Result<Url, BodyError> {
    if text.len() > WEBHOOK_URL_MAX {
        return wrong(format!("must be at most {WEBHOOK_URL_MAX} bytes"));
    }
    // A URL parser drops some of these silently, so that another address would be checked than was written.
    if hidden_char(text).is_some() || text.contains(char::is_whitespace) {
        return wrong("must not contain spaces, control or format characters");
    }
    let Ok(url) = Url::parse(text) else {
        return wrong("must be an absolute address such as https://example.com/hook");
    };
    if !matches!(url.scheme(), "http" | "https") {
        return wrong("must begin with http:// or https://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("must not contain a user name or password");
    }
    if url.fragment().is_some() {
        return wrong("must not have a #fragment: it is never sent");
    }
    if url.port() == Some(0) {
        return wrong("must have a port from 1 to 65535");
    }
    Ok(url)
}

fn looks_public(host: &Host) -> bool {
    match host {
        Host::Ipv4(ip) => is_public((*ip).into()),
        Host::Ipv6(ip) => is_public((*ip).into()),
        Host::Domain(name) => is_public_name(name),
    }
}

/// `name` is in lower case; the URL parser ensures it.
fn is_public_name(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    let below = |suffix: &&str| {
        name.strip_suffix(*suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    name.contains('.') && !LOCAL_SUFFIXES.iter().chain(METADATA_NAMES).any(below)
}

fn pair(entry: &str) -> Result<(Host, u16), NotAnAllowList> {
    let refused = || NotAnAllowList::Entry(entry.to_owned());
    let (host, port) = entry.rsplit_once(':').ok_or_else(refused)?;
    if host.contains('*') {
        return Err(refused());
    }
    let host = Host::parse(host).map_err(|_| refused())?;
    match port.parse() {
        Ok(port) if port > 0 => Ok((host, port)),
        _ => Err(refused()),
    }
}

fn wrong<T>(problem: impl Into<String>) -> Result<T, BodyError> {
    Err(BodyError::new(FIELD, problem))
}

#[cfg(test)]
mod tests;
