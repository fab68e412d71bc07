//! The span journal: a file that records spans which have started and are not exported yet.
//!
//! A killed process loses its last spans, among them parents of spans that other processes have exported, which leaves gaps
//! in traces. So each span gets a line in the file when it starts; the line is removed once the span was exported, or dropped
//! and counted. The next process with the same file exports the remaining spans, marked as lost.
//!
//! Best effort: a span without a line is handled as if there were no journal.

mod entry;
mod slots;

use std::{
    collections::HashMap,
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read as _},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::Path,
};

use opentelemetry::SpanId;
use opentelemetry_sdk::trace::SpanData;

use entry::{LINE_BYTES, Line};
use parking_lot::{Mutex, MutexGuard};
use slots::Slots;

/// Maximum number of spans in the file; further ones are not recorded.
const LINES_MAX: u32 = 16_384;
/// Largest size of the file, in bytes.
const FILE_BYTES_MAX: u64 = LINES_MAX as u64 * LINE_BYTES as u64;
/// Maximum number of processes that share a folder.
const FILES_MAX: u32 = 64;
/// Start of a free line.
const FREE: &[u8] = b"-";

/// The file of this process, and the line of each span.
#[derive(Debug)]
pub(crate) struct SpanJournal {
    file: File,
    lines: Mutex<Lines>,
}

#[derive(Debug)]
struct Lines {
    of_span: HashMap<SpanId, u32>,
    free: Slots,
}

impl SpanJournal {
    /// Opens and locks the file, and returns the lost spans of an earlier process. In a folder, which several processes may
    /// share, it uses the first file that is not locked.
    ///
    /// Fails if the file cannot be written or is locked by another process.
    pub(crate) fn open(path: &Path) -> io::Result<(Self, Vec<SpanData>)> {
        if !path.is_dir() {
            return Self::open_file(path);
        }
        let is_busy = |tried: &io::Result<_>| {
            tried
                .as_ref()
                .is_err_and(|error: &io::Error| error.kind() == io::ErrorKind::ResourceBusy)
        };
        let files = (1..=FILES_MAX).map(|number| path.join(format!("journal-{number}")));
        let mut tries = files.map(|file| Self::open_file(&file));
        tries.find(|tried| !is_busy(tried)).unwrap_or_else(|| {
            Err(io::Error::other(format!("{FILES_MAX} other processes use this folder")))
        })
    }

    fn open_file(path: &Path) -> io::Result<(Self, Vec<SpanData>)> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(path)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => {
                let locked = "the span journal is locked by another process; give each process its own --span-journal";
                io::Error::new(io::ErrorKind::ResourceBusy, locked)
            }
            TryLockError::Error(error) => error,
        })?;
        let mut text = Vec::new();
        (&file).take(FILE_BYTES_MAX).read_to_end(&mut text)?;
        let left = text.chunks(LINE_BYTES).filter_map(entry::read).collect();
        file.set_len(0)?;
        let lines = Lines { of_span: HashMap::new(), free: Slots::new(LINES_MAX) };
        Ok((Self { file, lines: Mutex::new(lines) }, left))
    }

    /// Writes the line of a span that starts.
    pub(crate) fn begin(&self, span: &SpanData) {
        let mut line = Line::default();
        if !line.write(span) {
            return;
        }
        let id = span.span_context.span_id();
        let place = {
            let mut lines = self.lines();
            let Some(place) = lines.free.take() else { return };
            lines.of_span.insert(id, place);
            place
        };
        // If the disk is full, the line is lost, but not the span.
        let _ = self.file.write_all_at(line.bytes(), offset(place));
    }

    /// Removes the lines of spans that were sent or dropped.
    pub(crate) fn remove(&self, spans: impl IntoIterator<Item = SpanId>) {
        for id in spans {
            let place = self.lines().of_span.remove(&id);
            if let Some(place) = place {
                let _ = self.file.write_all_at(FREE, offset(place));
                self.lines().free.release(place);
            }
        }
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock()
    }
}

fn offset(place: u32) -> u64 {
    u64::from(place) * LINE_BYTES as u64
}

#[cfg(test)]
mod tests;
