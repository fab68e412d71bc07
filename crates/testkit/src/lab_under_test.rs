//! A whole embedded lab per test.

use std::{
    ops::Deref,
    path::Path,
    sync::{Arc, Mutex},
    thread,
};

use lab::{
    Ports, Progress,
    embedded::{Embedded, Options},
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::{PortBlock, settings::Settings};

/// A lab with ports and a data folder of its own, all services included. Dropped: its parts are
/// killed and its data deleted; if the test failed, the end of each part's log is printed first.
pub struct LabUnderTest {
    lab: Embedded,
    progress: Arc<Mutex<Vec<Progress>>>,
    // Deleted and freed last.
    _folder: TempDir,
    _ports: PortBlock,
}

impl LabUnderTest {
    /// Starts one from this `waybill` executable and waits until every part is ready.
    pub async fn start(waybill: &Path) -> Self {
        Self::start_with(waybill, |_| ()).await
    }

    /// The same, with changed options: more processors, settings for the services.
    pub async fn start_with(waybill: &Path, change: impl FnOnce(&mut Options)) -> Self {
        let ports = PortBlock::claim();
        let folder = tempfile::tempdir().expect("the folder for temporary files can be written");
        let progress = Arc::new(Mutex::new(Vec::new()));
        let mut options = Options::new(waybill.to_owned());
        options.ports = Ports::from_base(ports.base());
        options.data_dir = folder.path().join("data");
        options.finder = Settings::read().finder;
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

    /// Where jobs are sent, without a slash at the end.
    pub fn gateway_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.lab.ports().gateway)
    }

    /// Where the console is, without a slash at the end.
    pub fn console_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.lab.ports().console)
    }

    /// Where clients of the broker connect.
    pub fn nats_url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.lab.ports().nats)
    }

    /// What the lab has reported so far.
    pub fn progress(&self) -> Vec<Progress> {
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
