//! The data folder of a lab: marked by a file, and locked by one lab at a time.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use super::disk::Disk;
use crate::nats::private_folder;

/// Marks a data folder of a lab. Written before anything else, so a folder without it is not a lab's.
const MARKER: &str = "waybill-lab";
const MARKER_TEXT: &str =
    "Made by `waybill up`. `--fresh` deletes logs/, nats/ and spans/ beside this file.\n";
const LOCK: &str = "lock";
/// The folders that a lab creates there, and that `--fresh` deletes.
const SUBFOLDERS: [&str; 3] = ["logs", "nats", "spans"];

/// A data folder in use by this lab.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    /// Open while the lab runs. The system unlocks it when the process ends.
    _lock: File,
}

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// The folder has files that no lab created.
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
    /// The folder's disk has too little free space.
    #[error(
        "not enough disk space in {}: {free_mib} MiB free, {} MiB needed; free some, or name a folder on another disk with --data-dir",
        path.display(), Disk::ROOM_TO_START >> 20
    )]
    NoRoom {
        /// The folder.
        path: PathBuf,
        /// Free space, in MiB, rounded down.
        free_mib: u64,
    },
    /// The folder cannot be written.
    #[error("cannot write {}: {cause}; name another folder with --data-dir", path.display())]
    Files {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
}

impl DataDir {
    /// Opens and locks the folder, and creates it if absent. `fresh` deletes the data of an earlier lab.
    pub fn open(path: &Path, fresh: bool) -> Result<Self, DataDirError> {
        let failed = |path: &Path, cause| DataDirError::Files { path: path.to_owned(), cause };
        let path = std::path::absolute(path).map_err(|cause| failed(path, cause))?;
        claim(&path).map_err(|cause| failed(&path, cause))?;
        if !Self::is_one(&path) {
            return Err(DataDirError::Foreign(path));
        }
        // Jobs, logs and the path of the broker's monitoring pages are private. A folder of another owner, such as a
        // mounted disk, keeps its mode: the folders inside it are private in any case.
        let _not_ours = private_folder(&path);
        let lock = File::create(path.join(LOCK)).map_err(|cause| failed(&path, cause))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(DataDirError::InUse(path)),
            Err(TryLockError::Error(cause)) => return Err(failed(&path, cause)),
        }
        for made in SUBFOLDERS.map(|name| path.join(name)) {
            if fresh {
                delete(&made).map_err(|cause| failed(&made, cause))?;
            }
            private_folder(&made).map_err(|cause| failed(&made, cause))?;
        }
        match Disk::of(&path) {
            Some(disk) if disk.free < Disk::ROOM_TO_START => {
                return Err(DataDirError::NoRoom { path, free_mib: disk.free >> 20 });
            }
            _ => {}
        }
        Ok(Self { path, _lock: lock })
    }

    /// Whether this is the data folder of a lab.
    pub fn is_one(path: &Path) -> bool {
        path.join(MARKER).is_file()
    }

    /// The absolute path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder with the output of each part, as `<part>.log`.
    pub fn logs(&self) -> PathBuf {
        self.path.join("logs")
    }

    /// The folder with the broker's configuration and store.
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
    fn fresh_deletes_the_data_of_a_lab_and_nothing_else() {
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
    fn a_foreign_folder_is_refused_and_not_changed() {
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
    fn a_folder_that_cannot_be_created_is_a_one_line_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let refused = DataDir::open(&file.path().join("data"), false).unwrap_err();
        let text = refused.to_string();
        assert!(text.starts_with("cannot write ") && !text.contains('\n'), "{text}");
    }
}
