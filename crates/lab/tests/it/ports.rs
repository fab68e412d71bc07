//! Ports in use are reported before anything starts.

use std::net::{IpAddr, Ipv4Addr, TcpListener};

use lab::Ports;
use testkit::PortBlock;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

#[test]
fn every_port_in_use_is_one_line_with_its_part_and_what_to_do() {
    let block = PortBlock::claim();
    let ports = Ports::from_base(block.base());
    ports.check(HERE).unwrap();

    let listen = |port| TcpListener::bind((HERE, port)).unwrap();
    let _listeners = [listen(ports.console), listen(ports.nats)];
    let refused = ports.check(HERE).unwrap_err();
    let expected = format!(
        "port {} (console) is in use\nport {} (NATS) is in use\n",
        ports.console, ports.nats
    );
    let text = refused.to_string();
    assert!(text.starts_with(&expected), "{text}");
    assert!(text.ends_with("--port-base 20000 (or WAYBILL_PORT_BASE=20000)"), "{text}");
    assert_eq!(refused.0.len(), 2);
}
