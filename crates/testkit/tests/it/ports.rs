//! Blocks of ports that do not overlap.

use std::net::TcpListener;

use testkit::PortBlock;

#[test]
fn blocks_do_not_overlap_and_are_free() {
    let blocks: Vec<PortBlock> = (0..20).map(|_| PortBlock::claim()).collect();
    let mut bases: Vec<u16> = blocks.iter().map(PortBlock::base).collect();
    bases.sort_unstable();
    let apart = |pair: &[u16]| pair[1] - pair[0] >= lab::PORT_SPAN;
    assert!(bases.windows(2).all(apart), "{bases:?}");
    assert!(blocks.iter().all(PortBlock::is_free));
}

#[test]
fn a_block_with_a_listener_is_not_free() {
    let block = PortBlock::claim();
    let last = block.base() + lab::PORT_SPAN - 1;
    let _listener = TcpListener::bind(("127.0.0.1", last)).unwrap();
    assert!(!block.is_free());
}
