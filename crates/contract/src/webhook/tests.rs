//! Webhook addresses in the spellings of users and attackers.

use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;

fn allowed(list: &str) -> AllowList {
    list.parse().unwrap()
}

fn refusal(url: &str) -> String {
    let error = parse_target(url, &AllowList::default()).expect_err(url);
    assert_eq!(error.field, "notify.url", "{url}");
    error.problem
}

#[test]
fn public_addresses_are_allowed() {
    for (url, host, port) in [
        ("https://example.com/hook?token=1", "example.com", 443),
        ("HTTP://EXAMPLE.com:8080", "example.com", 8080),
        ("https://1.1.1.1/", "1.1.1.1", 443),
        ("http://[2606:4700:4700::1111]/", "2606:4700:4700::1111", 80),
        ("https://locals.example.com/", "locals.example.com", 443),
        ("https://notlocal.example/", "notlocal.example", 443),
    ] {
        let target = parse_target(url, &AllowList::default()).unwrap();
        assert_eq!(
            (target.host().as_str(), target.port(), target.is_allow_listed()),
            (host, port, false)
        );
    }
}

#[test]
fn anything_but_a_plain_http_address_is_refused() {
    for (url, word) in [
        ("", "absolute"),
        ("/hook", "absolute"),
        ("http://", "absolute"),
        ("http://1.2.3.4.5/", "absolute"),
        ("http://host:99999/", "absolute"),
        ("ftp://example.com/", "http://"),
        ("file:///etc/passwd", "http://"),
        ("data:text/plain,x", "http://"),
        ("https://user@example.com/", "password"),
        ("https://user:secret@example.com/", "password"),
        ("https://example.com@127.0.0.1/", "password"),
        ("https://example.com/#part", "fragment"),
        ("https://example.com:0/", "port"),
        ("https://exam\tple.com/", "control"),
        (" https://example.com/", "spaces"),
        ("https://example.com/\u{a0}", "spaces"),
    ] {
        let problem = refusal(url);
        assert!(problem.contains(word), "{url}: {problem}");
    }
    assert!(refusal(&format!("https://e.org/{}", "x".repeat(WEBHOOK_URL_MAX))).contains("1024"));
}

#[test]
fn odd_spellings_of_a_private_address_are_refused() {
    for host in [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "0x7f000001",
        "0177.0.0.1",
        "2130706433",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
        "127\u{3002}0\u{3002}0\u{3002}1",
        "\u{ff11}\u{ff12}\u{ff17}.0.0.1",
        "0",
        "0xa9fea9fe",
        "[::1]",
        "[::ffff:7f00:1]",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::10.0.0.1]",
        "[2002:7f00:1::]",
        "[fd00:ec2::254]",
        "0.0.0.0",
        "0.0.0.0.",
        "[::]",
        "0x0",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::7f00:1]",
        "[::7f00:1]",
        "[2001:0:7f00:1::]",
        "[fe80::1]",
        "\u{2460}\u{2461}\u{2466}.0.0.1",
        "127.0.0.1%2e",
    ] {
        let problem = refusal(&format!("http://{host}:8080/"));
        assert!(problem.contains("not public"), "{host}: {problem}");
    }
}

#[test]
fn names_that_lead_inside_are_refused() {
    for host in [
        "localhost",
        "LocalHost.",
        "a.localhost",
        "gateway",
        "printer.local",
        "nas.lan",
        "router.home.arpa",
        "metadata",
        "metadata.google.internal",
        "METADATA.google.internal.",
        "instance-data.ec2.internal",
        "metadata.goog",
        "metadata.tencentyun.com",
        "localhost..",
        "localhost%2e",
        "\u{ff4c}ocalhost",
        "\u{24db}\u{24de}calhost",
        "printer\u{3002}local",
    ] {
        let problem = refusal(&format!("http://{host}/"));
        assert!(problem.contains("not public"), "{host}: {problem}");
    }
    // The URL standard would leave this character out.
    assert!(refusal("http://local\u{ad}host/").contains("format characters"));
}

#[test]
fn names_in_any_script_and_odd_ports_have_one_canonical_form() {
    for (url, authority) in [
        ("https://B\u{dc}CHER.example/", "xn--bcher-kva.example:443"),
        ("https://xn--bcher-kva.example:443/", "xn--bcher-kva.example:443"),
        ("http://example.com.:65535/", "example.com:65535"),
        ("http://EXAMPLE.com:00080/", "example.com:80"),
        ("http://example.com:22/", "example.com:22"),
        ("http://[2606:4700::0:1111]:1/", "[2606:4700::1111]:1"),
        ("http://0x01010101/", "1.1.1.1:80"),
    ] {
        let target = parse_target(url, &AllowList::default()).expect(url);
        assert_eq!(target.authority(), authority, "{url}");
    }
}

#[test]
fn an_allow_list_opens_exactly_its_pairs() {
    let allow = allowed("localhost:8090, 127.1:8091,[::1]:80,gateway:9000,");
    for url in [
        "http://localhost:8090/hooks/a",
        "http://LOCALHOST:8090/",
        "http://127.0.0.1:8091/",
        "http://[0:0::1]/",
        "http://gateway:9000/",
    ] {
        assert!(parse_target(url, &allow).unwrap().is_allow_listed(), "{url}");
    }
    for url in [
        "http://localhost/",
        "http://localhost:8091/",
        "http://localhost.:8090/",
        "http://a.localhost:8090/",
        "http://127.0.0.1:8090/",
        "https://[::1]/",
        "ftp://gateway:9000/",
        "http://user@gateway:9000/",
    ] {
        assert!(parse_target(url, &allow).is_err(), "{url}");
    }
}

#[test]
fn a_malformed_allow_list_names_the_entry() {
    for entry in [
        "localhost",
        "localhost:",
        "localhost:0",
        "localhost:65536",
        ":80",
        "*:80",
        "*.example.com:80",
        "::1:80",
        "http://localhost:80",
        "a b:80",
    ] {
        let error = format!("ok.example:1,{entry}").parse::<AllowList>();
        assert_eq!(error, Err(NotAnAllowList::Entry(entry.to_owned())));
    }
    let long = "a.example:1,".repeat(ALLOW_MAX + 1);
    assert_eq!(long.parse::<AllowList>(), Err(NotAnAllowList::TooLong));
    assert_eq!("".parse(), Ok(AllowList::default()));
}

proptest! {
    #[test]
    fn no_spelling_of_an_address_changes_the_verdict(bits: u32) {
        let [a, b, c, d] = bits.to_be_bytes();
        let low = bits & 0xffff;
        let public = is_public(Ipv4Addr::from_bits(bits).into());
        for host in [
            format!("{a}.{b}.{c}.{d}"), format!("{bits}"), format!("0x{bits:X}"), format!("0{bits:o}"),
            format!("0x{a:x}.0{b:o}.{low}"), format!("[::ffff:{a}.{b}.{c}.{d}]"),
        ] {
            let target = parse_target(&format!("http://{host}/"), &AllowList::default());
            prop_assert_eq!(target.is_ok(), public, "{}", host);
        }
    }

    #[test]
    fn no_text_makes_the_parsers_panic(text in ".{0,60}", host in "[0-9a-fx.:\\[\\]%]{0,30}") {
        let allow = AllowList::default();
        let _ = text.parse::<AllowList>();
        for url in [text, format!("http://{host}"), format!("http://{host}:1/")] {
            if let Ok(target) = parse_target(&url, &allow) {
                let again = parse_target(target.url().as_str(), &allow);
                prop_assert_eq!(again, Ok(target), "normalised once and for all");
            }
        }
    }
}
