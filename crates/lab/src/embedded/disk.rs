//! The disk under a data folder: how much room it has, and whether it can be written at all.

use std::{fs::File, io, io::Write as _, path::Path};

/// With this much free room a broker whose disk was full can go on, in bytes; on a small disk a part of it is
/// enough.
const ROOM_TO_GO_ON: u64 = 16 << 20;
/// That part of a small disk.
const SMALL_DISK_PART: u64 = 16;
/// What is written to see whether it can be, in bytes.
const PROBE_BYTES: usize = 64 << 10;
/// Written and deleted for that.
const PROBE: &str = ".room";

/// The size of a disk and what of it is free, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// All of it.
    pub size: u64,
    /// What this user may still write.
    pub free: u64,
}

impl Disk {
    /// Less than this, in bytes, and a lab does not start.
    pub const ROOM_TO_START: u64 = 4 << 20;

    /// The disk that `folder` lies on; none where the system does not tell.
    pub fn of(folder: &Path) -> Option<Self> {
        let disk = rustix::fs::statvfs(folder).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
        Some(Self { size: bytes(disk.f_blocks), free: bytes(disk.f_bavail) })
    }

    /// What must be free for a broker to go on that found it full, in bytes.
    pub fn room_to_go_on(self) -> u64 {
        ROOM_TO_GO_ON.min(self.size / SMALL_DISK_PART)
    }

    /// Whether a broker that found it full can go on.
    pub fn has_room(self) -> bool {
        self.free >= self.room_to_go_on()
    }
}

/// Writes something into `folder` and deletes it: a disk that is read-only, over its quota or broken may have
/// room all the same.
pub(super) fn probe(folder: &Path) -> io::Result<()> {
    let path = folder.join(PROBE);
    let written = File::create(&path).and_then(|mut file| {
        file.write_all(&vec![0; PROBE_BYTES])?;
        file.sync_data()
    });
    match (written, std::fs::remove_file(&path)) {
        (Ok(()), removed) => removed,
        (failed, _) => failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_disk_needs_a_part_of_it() {
        let disk = |size: u64, free: u64| Disk { size, free };
        assert!(!disk(1 << 40, 15 << 20).has_room() && disk(1 << 40, 16 << 20).has_room());
        assert!(!disk(12 << 20, 700 << 10).has_room() && disk(12 << 20, 800 << 10).has_room());
    }

    #[test]
    fn a_probe_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        probe(folder.path()).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(probe(&folder.path().join("absent")).is_err());
    }
}
