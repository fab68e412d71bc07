//! The disk of a data folder: its free space, and whether it can be written.

use std::{fs::File, io, io::Write as _, path::Path};

/// Free space, in bytes, with which a broker whose disk was full can continue; less on a small disk.
const ROOM_TO_RESUME: u64 = 16 << 20;
/// On a small disk, one part in this many is enough.
const SMALL_DISK_PART: u64 = 16;
/// Size of the probe file, in bytes.
const PROBE_BYTES: usize = 64 << 10;
/// Name of the probe file.
const PROBE: &str = ".room";

/// The size and the free space of a disk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// Total size.
    pub size: u64,
    /// Free space for this user.
    pub free: u64,
}

impl Disk {
    /// Free space, in bytes, that a lab needs to start.
    pub const ROOM_TO_START: u64 = 4 << 20;

    /// The disk of `folder`; `None` if the system does not report it.
    pub fn of(folder: &Path) -> Option<Self> {
        let disk = rustix::fs::statvfs(folder).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
        Some(Self { size: bytes(disk.f_blocks), free: bytes(disk.f_bavail) })
    }

    /// Free space, in bytes, that a broker needs to continue after its disk was full.
    pub fn room_to_resume(self) -> u64 {
        ROOM_TO_RESUME.min(self.size / SMALL_DISK_PART)
    }

    /// Whether a broker can continue after this disk was full.
    pub fn has_room(self) -> bool {
        self.free >= self.room_to_resume()
    }
}

/// Writes and deletes a file in `folder`: a read-only or broken disk, or one over its quota, may have free space.
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
    fn a_small_disk_needs_less_free_space() {
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
