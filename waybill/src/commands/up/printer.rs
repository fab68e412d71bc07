//! Prints events of the lab from a separate thread: a blocked terminal must not block the lab.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    time::Duration,
};

use lab::{LabEvent, LabEventSink};
use serde_json::Value;

use super::output;
use crate::terminal::print;

/// Lines that may wait for the terminal; further ones are dropped.
const LINES_WAITING_MAX: usize = 1_024;
/// Timeout for printing the last lines.
const FINISH_TIMEOUT: Duration = Duration::from_secs(1);

/// Something that happened, as text and as JSON.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Event {
    /// Lines of text, each with its line break.
    pub(super) text: String,
    /// The same as one JSON object.
    pub(super) json: Value,
}

/// Prints events as text or as JSON.
#[derive(Debug)]
pub(super) struct Printer {
    json: bool,
    lines: SyncSender<String>,
    done: Receiver<()>,
}

impl Printer {
    pub(super) fn start(json: bool) -> Self {
        let (lines, inbox) = sync_channel::<String>(LINES_WAITING_MAX);
        let (all_printed, done) = sync_channel(1);
        std::thread::spawn(move || {
            for line in inbox {
                print(&line);
            }
            let _gone = all_printed.send(());
        });
        Self { json, lines, done }
    }

    pub(super) fn print(&self, event: &Event) {
        send(&self.lines, self.json, event);
    }

    /// The callback that prints the progress of the lab.
    pub(super) fn report(&self) -> LabEventSink {
        let (lines, json) = (self.lines.clone(), self.json);
        std::sync::Arc::new(move |progress: LabEvent| {
            send(&lines, json, &output::progress(&progress));
        })
    }

    /// Waits until everything is printed, a second at most.
    pub(super) fn finish(self) {
        drop(self.lines);
        match self.done.recv_timeout(FINISH_TIMEOUT) {
            // The lab may keep its callback a moment longer; everything it reported is printed by then.
            Ok(()) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }
}

fn send(lines: &SyncSender<String>, json: bool, event: &Event) {
    let line = if json { format!("{}\n", event.json) } else { event.text.clone() };
    let _dropped_if_full = lines.try_send(line);
}
