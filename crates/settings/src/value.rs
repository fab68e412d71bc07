//! Parsers of numbers, addresses and keywords.

use std::{
    fmt::Display,
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    str::FromStr,
};

use clap::ValueEnum;
use url::Url;

/// Parses a whole number within `allowed`.
pub fn whole<T>(allowed: RangeInclusive<T>) -> impl Fn(&str) -> Result<T, String> + Clone
where
    T: FromStr + PartialOrd + Display + Clone,
{
    move |text| {
        let read = text.trim().parse().ok().filter(|number| allowed.contains(number));
        read.ok_or_else(|| {
            format!("must be a whole number from {} to {}", allowed.start(), allowed.end())
        })
    }
}

/// Parses one of the values of `T`, in any case.
pub fn word<T: ValueEnum>(text: &str) -> Result<T, String> {
    T::from_str(text.trim(), true).map_err(|_| {
        let values = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let names: Vec<String> = values.map(|value| value.get_name().to_owned()).collect();
        format!("must be one of {}", names.join(", "))
    })
}

/// Parses the URL of a web server: `http://` or `https://`, a host and an optional path.
pub fn http_url(text: &str) -> Result<Url, String> {
    const MUST_BE: &str = "must be an address such as http://127.0.0.1:8080";
    let url = Url::parse(text.trim()).map_err(|_| MUST_BE.to_owned())?;
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    let is_bare = url.query().is_none() && url.fragment().is_none();
    if is_web && is_bare { Ok(url) } else { Err(MUST_BE.to_owned()) }
}

/// Parses the address of a broker, with or without a scheme and a port.
pub fn broker_url(text: &str) -> Result<String, String> {
    const SCHEMES: [&str; 4] = ["nats", "tls", "ws", "wss"];
    let text = text.trim();
    let full = if text.contains("://") { text.to_owned() } else { format!("nats://{text}") };
    let read = Url::parse(&full).ok();
    let is_broker = |url: &Url| {
        SCHEMES.contains(&url.scheme()) && url.host_str().is_some_and(|host| !host.is_empty())
    };
    read.filter(is_broker)
        .map(|_| text.to_owned())
        .ok_or_else(|| "must be an address such as nats://127.0.0.1:4222".to_owned())
}

/// Parses the endpoint of OTLP over gRPC: `http://` and a host, or `host:port`.
pub fn otlp_endpoint(text: &str) -> Result<String, String> {
    let text = text.trim();
    let full = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let read = Url::parse(&full).map_err(|_| ());
    match read {
        Ok(url) if url.scheme() == "https" => {
            Err("must begin with http://: this build sends OTLP without TLS; send it to a collector nearby".to_owned())
        }
        Ok(url) if url.scheme() == "http" && url.has_host() => Ok(text.to_owned()),
        _ => Err("must be an address such as http://127.0.0.1:4317".to_owned()),
    }
}

/// Parses an IP address and a port to listen on.
pub fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let read = text.trim().parse();
    read.map_err(|_| {
        "must be an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080".to_owned()
    })
}

/// Parses an IP address.
pub fn ip_address(text: &str) -> Result<IpAddr, String> {
    let read = text.trim().parse();
    read.map_err(|_| "must be an IP address, such as 127.0.0.1 or 0.0.0.0".to_owned())
}

/// Trims white space; the rest must not be empty.
pub fn trimmed(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() { Err("must not be empty".to_owned()) } else { Ok(text.to_owned()) }
}

/// Replaces the user and password in an address by `…`.
pub fn without_user(address: &str) -> String {
    match (address.find("://"), address.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => {
            format!("{}…{}", &address[..scheme + 3], &address[at..])
        }
        (None, Some(at)) if address[..at].contains(':') => format!("…{}", &address[at..]),
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_must_be_within_their_range() {
        let read = whole(1_u16..=64);
        assert_eq!((read("1"), read(" 64\n")), (Ok(1), Ok(64)));
        for wrong in ["", "0", "65", "-1", "1.0", "abc", "99999999999999999999"] {
            assert_eq!(read(wrong).unwrap_err(), "must be a whole number from 1 to 64", "{wrong}");
        }
    }

    #[test]
    fn addresses_are_trimmed_and_other_texts_are_refused() {
        assert!(http_url(" http://127.0.0.1:8080/lab\n").is_ok());
        for wrong in ["", "127.0.0.1:8080", "ftp://x", "http://", "http://x/?a=b", "http://x/#a"] {
            assert!(http_url(wrong).is_err(), "{wrong}");
        }
        for (text, read) in [("nats://n:4222 ", "nats://n:4222"), ("n", "n"), ("n:1", "n:1")] {
            assert_eq!(broker_url(text).as_deref(), Ok(read));
        }
        assert!(broker_url("tls://u:p@n:4222").is_ok());
        for wrong in ["", "http://n:4222", "nats://", "a b", "nats://n:99999"] {
            assert!(broker_url(wrong).is_err(), "{wrong}");
        }
        assert!(listen_address("[::1]:80 ").is_ok() && listen_address("localhost:80").is_err());
        assert!(ip_address(" 0.0.0.0").is_ok() && ip_address("localhost").is_err());
    }

    #[test]
    fn passwords_are_removed_from_addresses() {
        for (address, shown) in [
            ("nats://me:secret@n:4222", "nats://…@n:4222"),
            ("me:s@cret@n:4222", "…@n:4222"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ] {
            assert_eq!(without_user(address), shown);
        }
    }
}
