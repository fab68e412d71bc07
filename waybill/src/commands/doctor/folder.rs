//! Whether the data folder can be used, and has room.

use std::path::{Path, PathBuf};

use lab::embedded::{DataDir, DataDirError};

use super::check::Check;

const NAME: &str = "data folder";
/// Less free room than this, in MiB, and the broker soon refuses.
const ROOM_MIB_MIN: u64 = 256;
/// Less than this is worth a word: full queues take a gibibyte each.
const ROOM_MIB_ENOUGH: u64 = 4_096;

/// The folder itself, and the room where it lies.
pub(super) fn checks(path: &Path) -> [Check; 2] {
    [folder(path), room(path)]
}

fn folder(path: &Path) -> Check {
    let shown = path.display();
    if path.exists() {
        // What it makes in a folder that is empty or a lab's own, `up` would make as well.
        return match DataDir::open(path, false) {
            Ok(_) => Check::ok(NAME, format!("{shown} can be written")),
            Err(DataDirError::InUse(_)) => {
                Check::ok(NAME, format!("{shown} is in use by a lab that runs"))
            }
            Err(error) => {
                Check::failed(NAME, error.to_string(), "name another folder with --data-dir")
            }
        };
    }
    let above = nearest(path);
    match tempfile::tempfile_in(&above) {
        Ok(_) => Check::ok(NAME, format!("{shown} can be made")),
        Err(error) => {
            let found = format!("{shown} cannot be made: {}: {error}", above.display());
            Check::failed(NAME, found, "name another folder with --data-dir")
        }
    }
}

/// The folder, or the nearest above it that exists.
fn nearest(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.ancestors().find(|above| above.is_dir()).unwrap_or(Path::new("/")).to_owned()
}

fn room(path: &Path) -> Check {
    const NAME: &str = "disk";
    let Some(free_mib) = free_mib(&nearest(path)) else {
        return Check::skipped(NAME, "this system does not tell");
    };
    let found = format!("{free_mib} MiB free");
    let advice = "make room, or name a folder on another disk with --data-dir";
    match free_mib {
        0..ROOM_MIB_MIN => Check::failed(NAME, found, advice),
        ROOM_MIB_MIN..ROOM_MIB_ENOUGH => Check::note(NAME, found, advice),
        _ => Check::ok(NAME, found),
    }
}

/// Free room where `folder` lies, in MiB; none where the system does not tell.
pub(super) fn free_mib(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize) >> 20)
}
