//! Ports that stay a test's own, also while what listened on them is down.

use std::{
    fs::{self, File},
    net::Ipv4Addr,
    path::PathBuf,
};

use lab::{PORT_SPAN, can_listen};

/// First port of the first block. Up to the last block's end all lie below what systems hand out
/// for outgoing connections, so no client can sit on one.
const FIRST: u16 = 20_000;
/// Number of blocks.
const BLOCKS: u16 = 300;

/// [`PORT_SPAN`] free ports, enough for a whole lab. A lock file keeps other tests of this user
/// away, in this process and in others, until it is dropped.
#[derive(Debug)]
pub struct PortBlock {
    base: u16,
    _claim: File,
}

impl PortBlock {
    /// Takes a random free one.
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
