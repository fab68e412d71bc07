//! Prints what the lab tells, from a thread of its own: a terminal that is held must not hold the lab.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    time::Duration,
};

use lab::{Progress, Report};
use serde_json::Value;

use super::output;
use crate::terminal::print;

/// Lines that may wait for the terminal; more are left out.
const LINES_WAITING_MAX: usize = 1_024;
/// How long the last lines may take.
const FINISH_LIMIT: Duration = Duration::from_secs(1);

/// Something to tell, for people and for programs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct News {
    /// Lines for people, each with its line break.
    pub(super) text: String,
    /// The same as one JSON object.
    pub(super) json: Value,
}

/// Prints news in one of its two forms.
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

    pub(super) fn tell(&self, news: &News) {
        tell(&self.lines, self.json, news);
    }

    /// Takes what the lab tells by itself.
    pub(super) fn report(&self) -> Report {
        let (lines, json) = (self.lines.clone(), self.json);
        std::sync::Arc::new(move |progress: Progress| {
            tell(&lines, json, &output::progress(&progress));
        })
    }

    /// Waits until everything is printed, a second at most.
    pub(super) fn finish(self) {
        drop(self.lines);
        match self.done.recv_timeout(FINISH_LIMIT) {
            // The lab may keep its report for a moment longer; what it told is printed by then.
            Ok(()) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }
}

fn tell(lines: &SyncSender<String>, json: bool, news: &News) {
    let line = if json { format!("{}\n", news.json) } else { news.text.clone() };
    let _left_out = lines.try_send(line);
}
