//! The ports that the system gives to outgoing connections: a lab that wants one of them may find it taken.

use std::{fs, net::Ipv4Addr, ops::RangeInclusive};

use crate::{
    Ports,
    ports::{PORT_BASE_MIN, PORT_SPAN},
};

/// The file in which Linux states the range.
const RANGE_FILE: &str = "/proc/sys/net/ipv4/ip_local_port_range";
/// The range of Linux unless it is configured.
const USUAL_FIRST: u16 = 32_768;
/// Where free ports are looked for first: above those that servers are known by.
const FREE_FIRST: u16 = 20_000;

/// The ports that the system gives to outgoing connections; nothing where it does not tell.
pub fn range() -> Option<RangeInclusive<u16>> {
    read(&fs::read_to_string(RANGE_FILE).ok()?)
}

fn read(text: &str) -> Option<RangeInclusive<u16>> {
    let mut numbers = text.split_whitespace().map(str::parse);
    let (first, last) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    (first <= last).then_some(first..=last)
}

/// Says that ports of a lab lie there, and what to do; nothing if none does.
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

/// A block of ports that are free now, outside that range if there is one.
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
    fn the_range_is_read_as_linux_writes_it() {
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
