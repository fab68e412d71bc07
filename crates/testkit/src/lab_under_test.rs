//! A whole embedded lab per test.

use std::{
    ops::Deref,
    path::Path,
    sync::{Arc, Mutex},
    thread,
};

use lab::{
    LabEvent, Ports,
    embedded::{Embedded, EmbeddedOptions},
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::{PortBlock, settings::TestSettings};

/// A lab with its own ports and data folder, including all services. Dropping it kills its parts and deletes its data; if the
/// test failed, the end of each part's log is printed first.
pub struct LabUnderTest {
    lab: Embedded,
    progress: Arc<Mutex<Vec<LabEvent>>>,
    // Dropped last.
    _folder: TempDir,
    _ports: PortBlock,
}

impl LabUnderTest {
    /// Starts a lab from this `waybill` executable and waits until every part is ready.
    pub async fn start(waybill: &Path) -> Self {
        Self::start_with(waybill, |_| ()).await
    }

    /// Like [`Self::start`], with changed options.
    pub async fn start_with(waybill: &Path, change: impl FnOnce(&mut EmbeddedOptions)) -> Self {
        let ports = PortBlock::claim();
        let folder = tempfile::tempdir().expect("the folder for temporary files can be written");
        let progress = Arc::new(Mutex::new(Vec::new()));
        let mut options = EmbeddedOptions::new(waybill.to_owned());
        options.ports = Ports::from_base(ports.base());
        options.data_dir = folder.path().join("data");
        options.finder = TestSettings::read().finder;
        options.report = {
            let received = Arc::clone(&progress);
            Arc::new(move |event| received.lock().expect("only pushed to").push(event))
        };
        change(&mut options);
        let lab = Embedded::up(options, CancellationToken::new()).await;
        Self {
            lab: lab.unwrap_or_else(|error| panic!("{error}")),
            progress,
            _folder: folder,
            _ports: ports,
        }
    }

    /// URL of the gateway, without a trailing slash.
    pub fn gateway_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.lab.ports().gateway)
    }

    /// URL of the console, without a trailing slash.
    pub fn console_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.lab.ports().console)
    }

    /// URL of the broker for clients.
    pub fn nats_url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.lab.ports().nats)
    }

    /// The events of the lab so far.
    pub fn progress(&self) -> Vec<LabEvent> {
        self.progress.lock().expect("only pushed to").clone()
    }
}

impl Deref for LabUnderTest {
    type Target = Embedded;

    fn deref(&self) -> &Embedded {
        &self.lab
    }
}

impl Drop for LabUnderTest {
    fn drop(&mut self) {
        if thread::panicking() {
            for status in self.lab.parts() {
                let tail = self.lab.log_tail(status.part);
                eprintln!("--- {} ({:?})\n{tail}", status.part, status.state);
            }
        }
    }
}
