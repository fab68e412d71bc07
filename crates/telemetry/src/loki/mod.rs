//! Log lines straight to Loki by `tracing-loki`, with the trace ids it does not write by itself and with the
//! limits it does not have: it is given a few thousand lines at a time, then renewed, so that what it
//! holds back while Loki is away stays bounded.
//!
//! The limits of `tracing-loki` remain: lines beyond 512 in one burst are lost without a count, and it does not report
//! how much of a shipment arrived: if one fails, all of its lines count as dropped.

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

/// Most lines that one shipment holds.
const LINES_MAX: usize = 4_096;
/// Most time that one shipment lasts.
const SHIPMENT_TIME_MAX: Duration = Duration::from_secs(10);

/// Hands events, with their trace ids, to the shipment under way.
pub(crate) struct LokiLayer(Arc<Dock>);

/// The task that renews shipments.
#[derive(Debug)]
pub(crate) struct Shipping {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

struct Dock {
    loading: RwLock<Option<tracing_loki::Layer>>,
    lines: AtomicUsize,
    full: Notify,
    failed: AtomicBool,
    dropped: IntCounter,
}

struct Shipment {
    controller: BackgroundTaskController,
    task: JoinHandle<()>,
}

/// Starts shipping to `address`, labelled with the service's name. Must be called inside a tokio runtime.
pub(crate) fn start(
    address: &Url,
    service: &str,
    dropped: IntCounter,
) -> Result<(LokiLayer, Shipping), tracing_loki::Error> {
    let builder = tracing_loki::builder().label("service_name", service)?;
    let mut address = address.clone();
    if !address.path().ends_with('/') {
        // Without it the last part of the path would be replaced, not extended.
        address.set_path(&format!("{}/", address.path()));
    }
    let dock = Arc::new(Dock {
        loading: RwLock::new(None),
        lines: AtomicUsize::new(0),
        full: Notify::new(),
        failed: AtomicBool::new(false),
        dropped,
    });
    let first = dock.load(builder.clone().build_controller_url(address.clone())?);
    let (stop, stopped) = oneshot::channel();
    let renewed = move |dock: &Dock| {
        let shipment = builder.clone().build_controller_url(address.clone());
        shipment.ok().map(|shipment| dock.load(shipment))
    };
    let task = tokio::spawn(ship(dock.clone(), first, renewed, stopped));
    Ok((LokiLayer(dock), Shipping { stop, task }))
}

impl Shipping {
    /// Sends what waits, within [`FLUSH_TIME_MAX`].
    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

async fn ship(
    dock: Arc<Dock>,
    first: Shipment,
    renewed: impl Fn(&Dock) -> Option<Shipment>,
    mut stopped: oneshot::Receiver<()>,
) {
    let (mut current, mut was_failing) = (first, false);
    loop {
        let stopping = tokio::select! {
            _ = &mut stopped => true,
            () = dock.full.notified() => false,
            () = tokio::time::sleep(SHIPMENT_TIME_MAX) => false,
        };
        let lines = dock.lines.load(Relaxed).min(LINES_MAX);
        if stopping {
            dock.unload();
        } else if lines == 0 {
            continue;
        }
        let next = if stopping { None } else { renewed(&dock) };
        let failed = !current.finish().await || dock.failed.swap(false, Relaxed);
        if failed {
            dock.dropped.inc_by(u64::try_from(lines).unwrap_or(u64::MAX));
        }
        if failed != was_failing {
            in_flight::tell(signal::LOKI, failed.then_some(&"see --loki-url (LOKI_URL)"));
        }
        was_failing = failed;
        let Some(next) = next else { return };
        current = next;
    }
}

impl Dock {
    /// Puts a fresh shipment in the place of the old one, which gets no more lines.
    fn load(
        &self,
        shipment: (tracing_loki::Layer, BackgroundTaskController, BackgroundTask),
    ) -> Shipment {
        let (layer, controller, task) = shipment;
        let mut loading = self.loading.write();
        *loading = Some(layer);
        self.lines.store(0, Relaxed);
        let task = tokio::spawn(task);
        Shipment { controller, task }
    }

    fn unload(&self) {
        *self.loading.write() = None;
    }
}

impl Shipment {
    /// Lets it send what it has. False when that took too long and it was given up.
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
        let loading = self.0.loading.read();
        let Some(layer) = &*loading else { return };
        if self.0.lines.fetch_add(1, Relaxed) >= LINES_MAX {
            self.0.dropped.inc();
            self.0.full.notify_one();
            return;
        }
        with_ids::tell(event, |event| layer.on_event(event, context));
    }
}
