//! Whether the data folder can be used, and has room.

use std::path::{Path, PathBuf};

use lab::embedded::{DataDir, DataDirError, Disk};

use super::check::Check;

const NAME: &str = "data folder";
/// Less than this is worth a word, in MiB: full queues take a gibibyte each.
const ROOM_MIB_ENOUGH: u64 = 4_096;

/// The folder itself, and the room where it lies. `runs` says that a lab uses it now.
pub(super) fn checks(path: &Path, runs: bool) -> [Check; 2] {
    [folder(path), room(path, runs)]
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

fn room(path: &Path, runs: bool) -> Check {
    const NAME: &str = "disk";
    let above = nearest(path);
    let Some(disk) = Disk::of(&above) else {
        return Check::skipped(NAME, "this system does not tell");
    };
    let (found, shown) = (format!("{} MiB free", disk.free >> 20), above.display());
    if runs && !disk.has_room() {
        let wanted = (disk.room_to_go_on() >> 20).max(1);
        let advice =
            format!("make room in {shown}, at least {wanted} MiB: the lab then goes on by itself");
        return Check::failed(NAME, found, advice);
    }
    let advice = "make room, or name a folder on another disk with --data-dir";
    if !runs && disk.free < Disk::ROOM_TO_START {
        return Check::failed(NAME, found, advice);
    }
    if disk.free >> 20 < ROOM_MIB_ENOUGH {
        return Check::note(NAME, found, advice);
    }
    Check::ok(NAME, found)
}

/// Free room where `folder` lies, in MiB; none where the system does not tell.
pub(super) fn free_mib(folder: &Path) -> Option<u64> {
    Some(Disk::of(folder)?.free >> 20)
}
