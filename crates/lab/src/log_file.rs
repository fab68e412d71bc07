//! The log file of a part: rotation, size limit, and its last lines for error messages.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

/// Size at which a log is moved to `.1`, in bytes.
const LOG_BYTES_MAX: u64 = 16 << 20;
/// Bytes read from the end of a log.
const TAIL_BYTES: u64 = 8 << 10;
/// Maximum number of lines shown from the end of a log.
const TAIL_LINES: usize = 20;

/// Opens a log for appending, so that the part can write while the supervisor truncates it.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// Renames the log of the previous run to `.1`.
pub(crate) fn rotate(path: &Path) -> io::Result<()> {
    match fs::rename(path, previous(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Truncates a log that is too long, after copying it to `.1`, because the writer keeps its descriptor. Lines written
/// between copying and truncating are lost; the part never waits.
pub(crate) fn cut(path: &Path) -> io::Result<()> {
    if fs::metadata(path).map_or(0, |log| log.len()) <= LOG_BYTES_MAX {
        return Ok(());
    }
    fs::copy(path, previous(path))?;
    OpenOptions::new().write(true).open(path)?.set_len(0)
}

/// The last lines, at most [`TAIL_LINES`]; empty when there are none.
pub(crate) fn tail(path: &Path) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut log = File::open(path)?;
        let length = log.metadata()?.len();
        log.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut end = Vec::new();
        log.take(TAIL_BYTES).read_to_end(&mut end)?;
        Ok(end)
    };
    last_lines(&read().unwrap_or_default())
}

/// The last lines of an output, at most [`TAIL_LINES`].
pub(crate) fn last_lines(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

fn previous(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    name.into()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_long_log_is_truncated_while_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part.log");
        let mut writer = open(&path).unwrap();
        let filler = vec![b'x'; usize::try_from(LOG_BYTES_MAX).unwrap() + 1];
        writer.write_all(&filler).unwrap();

        cut(&path).unwrap();
        writer.write_all(b"\nafter the cut\n").unwrap();

        assert_eq!(tail(&path).trim(), "after the cut");
        assert_eq!(fs::metadata(previous(&path)).unwrap().len(), LOG_BYTES_MAX + 1);
    }

    #[test]
    fn the_tail_is_the_last_lines_and_empty_on_error() {
        let many = (0..100).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\n");
        let tail = last_lines(many.as_bytes());
        assert!(tail.starts_with("line 80") && tail.ends_with("line 99"), "{tail}");
        assert_eq!(super::tail(Path::new("/nowhere/at/all")), "");
    }
}
