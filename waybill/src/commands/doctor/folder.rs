//! Whether the data folder can be used, and has room.

use std::path::{Path, PathBuf};

use lab::embedded::{DataDir, DataDirError, Disk};

use super::check::DoctorCheck;

const NAME: &str = "data folder";
/// Less free space than this, in MiB, gives a note: full queues take a gibibyte each.
const ROOM_MIB_ENOUGH: u64 = 4_096;

/// Checks the folder and its free disk space. `runs`: a lab uses it now.
pub(super) fn checks(path: &Path, runs: bool) -> [DoctorCheck; 2] {
    [folder(path), room(path, runs)]
}

fn folder(path: &Path) -> DoctorCheck {
    let shown = path.display();
    if path.exists() {
        // Creates only what `up` would create as well.
        return match DataDir::open(path, false) {
            Ok(_) => DoctorCheck::ok(NAME, format!("{shown} is writable")),
            Err(DataDirError::InUse(_)) => {
                DoctorCheck::ok(NAME, format!("{shown} is in use by a running lab"))
            }
            Err(error) => DoctorCheck::failed(
                NAME,
                error.to_string(),
                "choose another folder with --data-dir",
            ),
        };
    }
    let above = nearest(path);
    match tempfile::tempfile_in(&above) {
        Ok(_) => DoctorCheck::ok(NAME, format!("{shown} can be created")),
        Err(error) => {
            let found = format!("cannot create {shown} in {}: {error}", above.display());
            DoctorCheck::failed(NAME, found, "choose another folder with --data-dir")
        }
    }
}

/// The folder, or its nearest existing ancestor.
fn nearest(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.ancestors().find(|above| above.is_dir()).unwrap_or(Path::new("/")).to_owned()
}

fn room(path: &Path, runs: bool) -> DoctorCheck {
    const NAME: &str = "disk";
    let above = nearest(path);
    let Some(disk) = Disk::of(&above) else {
        return DoctorCheck::skipped(NAME, "not available on this system");
    };
    let (found, shown) = (format!("{} MiB free", disk.free >> 20), above.display());
    if runs && !disk.has_room() {
        let wanted = (disk.room_to_resume() >> 20).max(1);
        let advice = format!(
            "free disk space in {shown}, at least {wanted} MiB: the lab then continues by itself"
        );
        return DoctorCheck::failed(NAME, found, advice);
    }
    let advice = "free disk space, or choose a folder on another disk with --data-dir";
    if !runs && disk.free < Disk::ROOM_TO_START {
        return DoctorCheck::failed(NAME, found, advice);
    }
    if disk.free >> 20 < ROOM_MIB_ENOUGH {
        return DoctorCheck::note(NAME, found, advice);
    }
    DoctorCheck::ok(NAME, found)
}

/// Free disk space of `folder`, in MiB; `None` if not available on this system.
pub(super) fn free_mib(folder: &Path) -> Option<u64> {
    Some(Disk::of(folder)?.free >> 20)
}
