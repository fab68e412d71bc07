//! The folder in which a lab keeps its things: marked as its own, and one lab's at a time.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use super::disk::Disk;
use crate::nats::private_folder;

/// Marks a folder as the lab's. Written before anything else is, so that a folder without it is
/// somebody else's.
const MARKER: &str = "waybill-lab";
const MARKER_TEXT: &str =
    "Made by `waybill up`. `--fresh` deletes logs/, nats/ and spans/ beside this file.\n";
const LOCK: &str = "lock";
/// What a lab makes there, and all that `--fresh` deletes.
const MADE: [&str; 3] = ["logs", "nats", "spans"];

/// A data folder in use by this lab.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    /// Open as long as the lab runs; the system lets go of it however the lab ends.
    _lock: File,
}

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// It holds things that no lab made.
    #[error(
        "{} is not empty and no lab made it: name another folder with --data-dir",
        .0.display()
    )]
    Foreign(PathBuf),
    /// Another lab runs in it.
    #[error(
        "another lab runs in {}: stop it, or name another folder with --data-dir (and other ports with --port-base)",
        .0.display()
    )]
    InUse(PathBuf),
    /// Its disk has no room to start with.
    #[error(
        "no room in {}: {free_kib} KiB are free and a lab needs {} MiB; make room, or name a folder on another disk with --data-dir",
        path.display(), Disk::ROOM_TO_START >> 20
    )]
    NoRoom {
        /// The folder.
        path: PathBuf,
        /// What is free.
        free_kib: u64,
    },
    /// It cannot be written.
    #[error("cannot write {}: {cause}; name another folder with --data-dir", path.display())]
    Files {
        /// What was touched.
        path: PathBuf,
        /// Why not.
        cause: io::Error,
    },
}

impl DataDir {
    /// Takes the folder, making it when absent. `fresh` deletes what an earlier lab left there.
    pub fn open(path: &Path, fresh: bool) -> Result<Self, DataDirError> {
        let failed = |path: &Path, cause| DataDirError::Files { path: path.to_owned(), cause };
        let path = std::path::absolute(path).map_err(|cause| failed(path, cause))?;
        claim(&path).map_err(|cause| failed(&path, cause))?;
        if !Self::is_one(&path) {
            return Err(DataDirError::Foreign(path));
        }
        // Jobs, logs and the way to the broker's pages are this user's. A folder of another owner, such as a
        // mounted disk, stays as it is: those inside it are closed in any case.
        let _not_ours = private_folder(&path);
        let lock = File::create(path.join(LOCK)).map_err(|cause| failed(&path, cause))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(DataDirError::InUse(path)),
            Err(TryLockError::Error(cause)) => return Err(failed(&path, cause)),
        }
        for made in MADE.map(|name| path.join(name)) {
            if fresh {
                delete(&made).map_err(|cause| failed(&made, cause))?;
            }
            private_folder(&made).map_err(|cause| failed(&made, cause))?;
        }
        match Disk::of(&path) {
            Some(disk) if disk.free < Disk::ROOM_TO_START => {
                return Err(DataDirError::NoRoom { path, free_kib: disk.free >> 10 });
            }
            _ => {}
        }
        Ok(Self { path, _lock: lock })
    }

    /// Whether a lab made the folder.
    pub fn is_one(path: &Path) -> bool {
        path.join(MARKER).is_file()
    }

    /// The folder itself, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where each part's output goes, as `<part>.log`.
    pub fn logs(&self) -> PathBuf {
        self.path.join("logs")
    }

    /// The broker's configuration and store.
    pub fn nats(&self) -> PathBuf {
        self.path.join("nats")
    }
}

/// Marks a folder that is new or empty; leaves any other as it is.
fn claim(path: &Path) -> io::Result<()> {
    if !path.is_dir() {
        private_folder(path)?;
    }
    if fs::read_dir(path)?.next().is_none() {
        fs::write(path.join(MARKER), MARKER_TEXT)?;
    }
    Ok(())
}

fn delete(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_deletes_what_a_lab_made_and_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("data");
        drop(DataDir::open(&path, false).unwrap());
        fs::write(path.join("nats/store"), "old").unwrap();
        fs::write(path.join("notes.txt"), "mine").unwrap();

        drop(DataDir::open(&path, false).unwrap());
        assert!(path.join("nats/store").exists());
        drop(DataDir::open(&path, true).unwrap());
        assert!(!path.join("nats/store").exists());
        assert!(path.join("notes.txt").exists());
    }

    #[test]
    fn a_foreign_folder_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("logs")).unwrap();
        let refused = DataDir::open(home.path(), true);
        assert!(matches!(refused, Err(DataDirError::Foreign(_))));
        assert!(home.path().join("logs").exists());
    }

    #[test]
    fn two_labs_cannot_share_a_folder() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("data");
        let first = DataDir::open(&path, false).unwrap();
        let second = DataDir::open(&path, true);
        assert!(matches!(second, Err(DataDirError::InUse(_))));
        drop(first);
        DataDir::open(&path, false).unwrap();
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_one_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let refused = DataDir::open(&file.path().join("data"), false).unwrap_err();
        let text = refused.to_string();
        assert!(text.starts_with("cannot write ") && !text.contains('\n'), "{text}");
    }
}
