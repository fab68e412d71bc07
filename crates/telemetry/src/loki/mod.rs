//! Exports log lines directly to Loki by `tracing-loki`, and adds trace ids and a memory limit, which it lacks: its client is
//! replaced after a few thousand lines, so that the lines it buffers during an outage are bounded.
//!
//! Limitations of `tracing-loki`: lines beyond 512 in a burst are lost and not counted, and it does not report how many lines
//! of a session arrived: if a session fails, all of its lines count as dropped.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use contract::signals::signal;
use parking_lot::RwLock;
use prometheus::IntCounter;
use tokio::{
    sync::{Notify, oneshot},
    task::JoinHandle,
};
use tracing::{Event, Subscriber};
use tracing_loki::{BackgroundTask, BackgroundTaskController};
use tracing_subscriber::{
    layer::{Context, Layer},
    registry::LookupSpan,
};
use url::Url;

use crate::{
    filters::LOKI_CLIENT,
    in_flight::{self, FLUSH_TIME_MAX},
};

mod with_ids;

/// Maximum number of lines of one session.
const LINES_MAX: usize = 4_096;
/// Longest duration of one session.
const SESSION_TIME_MAX: Duration = Duration::from_secs(10);

/// Passes events, with their trace ids, to the current session.
pub(crate) struct LokiLayer(Arc<LokiState>);

/// The task that replaces sessions.
#[derive(Debug)]
pub(crate) struct LokiExport {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// State shared by the layer and the task.
struct LokiState {
    current_layer: RwLock<Option<tracing_loki::Layer>>,
    lines: AtomicUsize,
    full: Notify,
    failed: AtomicBool,
    dropped: IntCounter,
}

/// One client of Loki, with its task.
struct LokiSession {
    controller: BackgroundTaskController,
    task: JoinHandle<()>,
}

/// Starts the export to `address`, labelled with the service's name. Must be called inside a tokio runtime.
pub(crate) fn start(
    address: &Url,
    service: &str,
    dropped: IntCounter,
) -> Result<(LokiLayer, LokiExport), tracing_loki::Error> {
    let builder = tracing_loki::builder().label("service_name", service)?;
    let mut address = address.clone();
    if !address.path().ends_with('/') {
        // Without the slash, the last part of the path would be replaced.
        address.set_path(&format!("{}/", address.path()));
    }
    let state = Arc::new(LokiState {
        current_layer: RwLock::new(None),
        lines: AtomicUsize::new(0),
        full: Notify::new(),
        failed: AtomicBool::new(false),
        dropped,
    });
    let first = state.install(builder.clone().build_controller_url(address.clone())?);
    let (stop, stopped) = oneshot::channel();
    let renewed = move |state: &LokiState| {
        let session = builder.clone().build_controller_url(address.clone());
        session.ok().map(|session| state.install(session))
    };
    let task = tokio::spawn(export_sessions(state.clone(), first, renewed, stopped));
    Ok((LokiLayer(state), LokiExport { stop, task }))
}

impl LokiExport {
    /// Flushes the lines, within [`FLUSH_TIME_MAX`].
    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

async fn export_sessions(
    state: Arc<LokiState>,
    first: LokiSession,
    renewed: impl Fn(&LokiState) -> Option<LokiSession>,
    mut stopped: oneshot::Receiver<()>,
) {
    let (mut active, mut was_failing) = (first, false);
    loop {
        let stopping = tokio::select! {
            _ = &mut stopped => true,
            () = state.full.notified() => false,
            () = tokio::time::sleep(SESSION_TIME_MAX) => false,
        };
        let lines = state.lines.load(Relaxed).min(LINES_MAX);
        if stopping {
            state.remove_session();
        } else if lines == 0 {
            continue;
        }
        let next = if stopping { None } else { renewed(&state) };
        let failed = !active.finish().await || state.failed.swap(false, Relaxed);
        if failed {
            state.dropped.inc_by(u64::try_from(lines).unwrap_or(u64::MAX));
        }
        if failed != was_failing {
            in_flight::log_state_change(
                signal::LOKI,
                failed.then_some(&"see --loki-url (LOKI_URL)"),
            );
        }
        was_failing = failed;
        let Some(next) = next else { return };
        active = next;
    }
}

impl LokiState {
    /// Replaces the current session, which gets no more lines.
    fn install(
        &self,
        session: (tracing_loki::Layer, BackgroundTaskController, BackgroundTask),
    ) -> LokiSession {
        let (layer, controller, task) = session;
        let mut current_layer = self.current_layer.write();
        *current_layer = Some(layer);
        self.lines.store(0, Relaxed);
        let task = tokio::spawn(task);
        LokiSession { controller, task }
    }

    fn remove_session(&self) {
        *self.current_layer.write() = None;
    }
}

impl LokiSession {
    /// Flushes the session. Returns false on timeout; the rest is then dropped.
    async fn finish(mut self) -> bool {
        let rest = async {
            self.controller.shutdown().await;
            let _ = (&mut self.task).await;
        };
        let in_time = tokio::time::timeout(FLUSH_TIME_MAX, rest).await.is_ok();
        if !in_time {
            self.task.abort();
        }
        in_time
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for LokiLayer {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if event.metadata().target() == LOKI_CLIENT {
            self.0.failed.store(true, Relaxed);
            return;
        }
        let current_layer = self.0.current_layer.read();
        let Some(layer) = &*current_layer else { return };
        if self.0.lines.fetch_add(1, Relaxed) >= LINES_MAX {
            self.0.dropped.inc();
            self.0.full.notify_one();
            return;
        }
        with_ids::emit(event, |event| layer.on_event(event, context));
    }
}
