//! The rules for HTTP clients inside a lab.

use std::time::Duration;

use reqwest::ClientBuilder;
use url::{Host, Url};

/// A client for servers of the lab: no proxy, and a timeout from the request to the last byte of the response.
///
/// A proxy of the environment would connect to its own machine, not to this one.
pub fn http_builder(timeout: Duration) -> ClientBuilder {
    reqwest::Client::builder().no_proxy().timeout(timeout)
}

/// The same for a server that may be on another machine: that one is reached through the proxy of the
/// environment, if there is one.
pub fn http_builder_for(server: &Url, timeout: Duration) -> ClientBuilder {
    if is_this_machine(server) {
        http_builder(timeout)
    } else {
        reqwest::Client::builder().timeout(timeout)
    }
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_addresses_are_this_machine() {
        for (url, is_here) in [
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080/", true),
            ("http://localhost:8080", true),
            ("http://gateway:8080", false),
            ("http://10.0.0.1", false),
            ("http://localhost.example", false),
        ] {
            assert_eq!(is_this_machine(&Url::parse(url).unwrap()), is_here, "{url}");
        }
    }
}
