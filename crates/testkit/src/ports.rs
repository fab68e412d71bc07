//! Blocks of ports that belong to one test, even while nothing listens on them.

use std::{
    fs::{self, File},
    net::Ipv4Addr,
    path::PathBuf,
};

use lab::{PORT_SPAN, can_listen};

/// First port of the first block. All blocks lie below the ephemeral ports, so outgoing connections do not use them.
const FIRST: u16 = 20_000;
/// Number of blocks.
const BLOCKS: u16 = 300;

/// [`PORT_SPAN`] free ports, enough for a whole lab. A lock file reserves them among all tests of this user until this is
/// dropped.
#[derive(Debug)]
pub struct PortBlock {
    base: u16,
    _claim: File,
}

impl PortBlock {
    /// Reserves a random free block.
    pub fn claim() -> Self {
        let claims = claims();
        fs::create_dir_all(&claims).expect("the folder for temporary files can be written");
        let start = rand::random_range(0..BLOCKS);
        (0..BLOCKS)
            .map(|n| FIRST + (start + n) % BLOCKS * PORT_SPAN)
            .find_map(|base| {
                let claim = File::create(claims.join(base.to_string())).ok()?;
                claim.try_lock().ok()?;
                let block = Self { base, _claim: claim };
                block.is_free().then_some(block)
            })
            .expect("one of 300 blocks of ports is free")
    }

    /// The first port; the others follow.
    pub fn base(&self) -> u16 {
        self.base
    }

    /// Whether nothing listens on any of them now.
    pub fn is_free(&self) -> bool {
        (self.base..self.base + PORT_SPAN)
            .all(|port| can_listen((Ipv4Addr::LOCALHOST, port).into()).is_ok())
    }
}

fn claims() -> PathBuf {
    let user = rustix::process::getuid().as_raw();
    std::env::temp_dir().join(format!("waybill-test-ports-{user}"))
}
