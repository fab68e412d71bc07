//! Public IP addresses, by the special-purpose registries of the IANA.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network: its first address and the length of its prefix in bits, at least 1.
type Net4 = (Ipv4Addr, u32);
/// The same for version 6.
type Net6 = (Ipv6Addr, u32);

const REFUSED_4: &[Net4] = &[
    (Ipv4Addr::UNSPECIFIED, 8),            // this network, unspecified
    (Ipv4Addr::new(10, 0, 0, 0), 8),       // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),    // carrier-grade NAT, metadata of one cloud
    (Ipv4Addr::new(127, 0, 0, 0), 8),      // loopback
    (Ipv4Addr::new(168, 63, 129, 16), 32), // metadata of one cloud, at a public address
    (Ipv4Addr::new(169, 254, 0, 0), 16),   // link-local, metadata of most clouds
    (Ipv4Addr::new(172, 16, 0, 0), 12),    // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),     // protocol assignments, metadata of one cloud
    (Ipv4Addr::new(192, 0, 2, 0), 24),     // documentation
    (Ipv4Addr::new(192, 88, 99, 0), 24),   // relays of 6to4
    (Ipv4Addr::new(192, 168, 0, 0), 16),   // private
    (Ipv4Addr::new(198, 18, 0, 0), 15),    // benchmarking
    (Ipv4Addr::new(198, 51, 100, 0), 24),  // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),   // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4),      // multicast
    (Ipv4Addr::new(240, 0, 0, 0), 4),      // reserved, broadcast
];

/// All global unicast addresses. Loopback, link-local, site-local, unique-local,
/// multicast and IPv4-compatible addresses are outside it.
const GLOBAL_6: Net6 = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

const REFUSED_6: &[Net6] = &[
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocol assignments: Teredo, benchmarking, ORCHID
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

/// The prefix under which a translator offers IPv4 addresses (RFC 6052).
const NAT64: Net6 = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// Whether `ip` is an address of the public internet. Special-purpose addresses are not. An IPv4 address within an IPv6
/// address (mapped, NAT64) is treated like the plain one. The tunnels 6to4 and Teredo are always refused.
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_4(ip),
        IpAddr::V6(ip) => match inner_4(ip) {
            Some(inner) => is_public_4(inner),
            None => within_6(ip, GLOBAL_6) && !REFUSED_6.iter().any(|net| within_6(ip, *net)),
        },
    }
}

fn is_public_4(ip: Ipv4Addr) -> bool {
    !REFUSED_4.iter().any(|net| within_4(ip, *net))
}

fn inner_4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    if within_6(ip, NAT64) {
        let [.., a, b, c, d] = ip.octets();
        return Some(Ipv4Addr::new(a, b, c, d));
    }
    ip.to_ipv4_mapped()
}

fn within_4(ip: Ipv4Addr, (net, bits): Net4) -> bool {
    (ip.to_bits() ^ net.to_bits()) >> (32 - bits) == 0
}

fn within_6(ip: Ipv6Addr, (net, bits): Net6) -> bool {
    (ip.to_bits() ^ net.to_bits()) >> (128 - bits) == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn forms(ip: Ipv4Addr) -> [Ipv6Addr; 2] {
        [ip.to_ipv6_mapped(), Ipv6Addr::from_bits(NAT64.0.to_bits() | u128::from(ip.to_bits()))]
    }

    fn tunnels(ip: Ipv4Addr) -> [Ipv6Addr; 3] {
        let bits = u128::from(ip.to_bits());
        [
            Ipv6Addr::from_bits(bits),
            Ipv6Addr::from_bits((0x2002 << 112) | (bits << 80)),
            Ipv6Addr::from_bits((0x2001_0000 << 96) | (bits ^ 0xffff_ffff)),
        ]
    }

    proptest! {
        #[test]
        fn an_embedded_ipv4_address_is_as_public_as_the_plain_one(bits: u32) {
            let ip = Ipv4Addr::from_bits(bits);
            for form in forms(ip) {
                prop_assert_eq!(is_public(form.into()), is_public(ip.into()), "{}", form);
            }
            for tunnel in tunnels(ip) {
                prop_assert!(!is_public(tunnel.into()), "{}", tunnel);
            }
        }

        #[test]
        fn addresses_that_are_special_to_the_standard_library_are_refused(bits: u32, wide: u128) {
            let ip = Ipv4Addr::from_bits(bits);
            let special = ip.is_private() || ip.is_loopback() || ip.is_link_local()
                || ip.is_multicast() || ip.is_broadcast() || ip.is_documentation()
                || ip.is_unspecified();
            prop_assert!(!(special && is_public(ip.into())), "{}", ip);
            let ip = Ipv6Addr::from_bits(wide);
            let special = ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local()
                || ip.is_multicast() || ip.is_unspecified();
            prop_assert!(!(special && is_public(ip.into())), "{}", ip);
        }

        #[test]
        fn every_address_of_a_refused_network_is_refused(
            net in proptest::sample::select(REFUSED_4.to_vec()), wide in proptest::sample::select(REFUSED_6.to_vec()),
            low: u32, deep: u128,
        ) {
            let ip = Ipv4Addr::from_bits(net.0.to_bits() | low.checked_shr(net.1).unwrap_or(0));
            prop_assert!(!is_public(ip.into()), "{}", ip);
            let ip = Ipv6Addr::from_bits(wide.0.to_bits() | (deep >> wide.1));
            prop_assert!(!is_public(ip.into()), "{}", ip);
        }
    }

    #[test]
    fn well_known_addresses_are_classified() {
        let cases = [
            ("1.1.1.1", true),
            ("9.255.255.255", true),
            ("11.0.0.0", true),
            ("100.63.255.255", true),
            ("100.64.0.0", false),
            ("100.100.100.200", false),
            ("100.128.0.0", true),
            ("126.255.255.255", true),
            ("127.0.0.1", false),
            ("128.0.0.0", true),
            ("168.63.129.16", false),
            ("169.254.169.254", false),
            ("172.15.255.255", true),
            ("172.31.255.255", false),
            ("172.32.0.0", true),
            ("198.17.255.255", true),
            ("198.19.255.255", false),
            ("223.255.255.255", true),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("0.0.0.0", false),
            ("::", false),
            ("::1", false),
            ("::ffff:169.254.169.254", false),
            ("::ffff:1.1.1.1", true),
            ("::127.0.0.1", false),
            ("64:ff9b::a00:1", false),
            ("64:ff9b::101:101", true),
            ("64:ff9b:1::101:101", false),
            ("2606:4700:4700::1111", true),
            ("2001:4860:4860::8888", true),
            ("2001:db8::1", false),
            ("2002:7f00:1::", false),
            ("fd00:ec2::254", false),
            ("fe80::1", false),
            ("fec0::1", false),
            ("ff02::1", false),
            ("100::1", false),
            ("5f00::1", false),
        ];
        for (ip, public) in cases {
            assert_eq!(is_public(ip.parse().unwrap()), public, "{ip}");
        }
    }
}
