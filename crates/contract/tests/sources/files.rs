//! The files of the repository.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Folders that hold nothing of ours.
const LEFT_OUT: [&str; 3] = ["target", "node_modules", ".git"];

pub(crate) struct File {
    /// From the repository's root.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Every file whose name ends like this, in the order of their paths.
pub(crate) fn with_extension(extension: &str) -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut paths = Vec::new();
    collect(&root, extension, &mut paths);
    paths.sort();
    let read = |path: PathBuf| {
        let below = path.strip_prefix(&root).expect("it was found below the root");
        let text = fs::read_to_string(&path).expect("a file of the repository is readable text");
        File { path: below.display().to_string(), text }
    };
    paths.into_iter().map(read).collect()
}

fn collect(folder: &Path, extension: &str, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the repository is readable") {
        let path = entry.expect("a folder of the repository is readable").path();
        let is_ours = path.file_name().is_none_or(|name| LEFT_OUT.iter().all(|out| name != *out));
        if path.is_dir() && is_ours {
            collect(&path, extension, into);
        } else if path.extension().is_some_and(|found| found == extension) {
            into.push(path);
        }
    }
}
