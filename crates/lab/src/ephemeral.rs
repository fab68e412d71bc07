//! The ephemeral ports of this system: the kernel may give one to another process before a lab binds it.

use std::{fs, net::Ipv4Addr, ops::RangeInclusive};

use crate::{
    Ports,
    ports::{PORT_BASE_MIN, PORT_SPAN},
};

/// The file that holds the range on Linux.
const RANGE_FILE: &str = "/proc/sys/net/ipv4/ip_local_port_range";
/// First ephemeral port of Linux by default.
const USUAL_FIRST: u16 = 32_768;
/// Where the search for free ports starts: above the usual ports of servers.
const FREE_FIRST: u16 = 20_000;

/// The ephemeral ports; `None` if the system does not report them.
pub fn range() -> Option<RangeInclusive<u16>> {
    read(&fs::read_to_string(RANGE_FILE).ok()?)
}

fn read(text: &str) -> Option<RangeInclusive<u16>> {
    let mut numbers = text.split_whitespace().map(str::parse);
    let (first, last) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    (first <= last).then_some(first..=last)
}

/// A warning with a remedy if a port of the lab is an ephemeral port, else `None`.
pub fn warning(ports: Ports, processors: u16) -> Option<String> {
    let range = range()?;
    let at_risk: Vec<u16> = ports.all(processors).filter(|port| range.contains(port)).collect();
    let (lowest, highest) = (at_risk.iter().min()?, at_risk.iter().max()?);
    let (first, last) = (range.start(), range.end());
    let advice = if *first > FREE_FIRST + PORT_SPAN {
        format!("move the lab below {first}: --port-base {FREE_FIRST}")
    } else {
        format!("narrow the range in {RANGE_FILE}")
    };
    Some(format!(
        "ports from {lowest} to {highest} are among those that this system gives to outgoing connections ({first} to {last}), and one may be taken when a part starts; {advice}"
    ))
}

/// A block of ports that are free now, outside of the ephemeral ports if possible.
pub fn free(processors: u16) -> Option<Ports> {
    let first = range().map_or(USUAL_FIRST, |range| *range.start());
    let last =
        if first > FREE_FIRST + PORT_SPAN { first - PORT_SPAN } else { u16::MAX - PORT_SPAN };
    let above = (FREE_FIRST..=last).step_by(usize::from(PORT_SPAN));
    let below = (PORT_BASE_MIN..FREE_FIRST.min(last)).step_by(usize::from(PORT_SPAN));
    let is_free = |ports: &Ports| ports.check_with(Ipv4Addr::LOCALHOST.into(), processors).is_ok();
    above.chain(below).map(Ports::from_base).find(is_free)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_is_parsed_in_the_format_of_linux() {
        assert_eq!(read("32768\t60999\n"), Some(32_768..=60_999));
        for odd in ["", "32768", "9 1", "a b", "1 99999"] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }

    #[test]
    fn free_ports_are_free_and_not_those_of_a_lab_that_runs() {
        let first = free(1).unwrap();
        let taken = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, first.console)).unwrap();
        let second = free(1).unwrap();
        assert_ne!(first.gateway, second.gateway);
        drop(taken);
    }
}
