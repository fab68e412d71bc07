//! The open connections of one listener: limits their number and closes overdue ones.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use parking_lot::{Mutex, MutexGuard};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, interval, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{activity::Activity, descriptors, limits::ServerLimits};

/// Time for a connection that was closed in favour of another to end, before a further one is closed.
const ROOM_TIME: Duration = Duration::from_millis(20);
/// Shortest time between two warnings that connections are exhausted.
const WARNING_EVERY: Duration = Duration::from_mins(1);

/// How a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closing {
    /// Gracefully, between two requests.
    Graceful,
    /// Immediately.
    Now,
}

/// One open connection.
#[derive(Debug)]
pub(super) struct OpenConnection {
    peer: IpAddr,
    pub(super) activity: Activity,
    exchanges: AtomicU64,
    closing: OnceLock<Closing>,
    ended: CancellationToken,
}

impl OpenConnection {
    pub(super) fn next_exchange(&self) -> u64 {
        self.exchanges.fetch_add(1, Relaxed)
    }

    /// Resolves when the connection is to be closed.
    pub(super) async fn closing(&self) -> Closing {
        self.ended.cancelled().await;
        self.closing.get().copied().unwrap_or(Closing::Now)
    }

    pub(super) fn is_closing(&self) -> bool {
        self.ended.is_cancelled()
    }

    fn end(&self) {
        let is_between = self.activity.is_between_requests();
        let closing = if is_between { Closing::Graceful } else { Closing::Now };
        let _ = self.closing.set(closing);
        self.ended.cancel();
    }
}

/// All connections of a listener.
#[derive(Debug)]
pub(super) struct Connections {
    limits: ServerLimits,
    /// Closes all connections immediately.
    cut: CancellationToken,
    slots: Arc<Semaphore>,
    next: AtomicU64,
    open: Mutex<HashMap<u64, Arc<OpenConnection>>>,
    warned_at: Mutex<Option<Instant>>,
}

/// A connection's slot; dropping it frees the slot.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) connection: Arc<OpenConnection>,
    id: u64,
    all: Arc<Connections>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.all.open().remove(&self.id);
    }
}

impl Connections {
    pub(super) fn new(limits: ServerLimits, cut: CancellationToken) -> Arc<Self> {
        Arc::new(Self {
            limits,
            cut,
            slots: Arc::new(Semaphore::new(descriptors::share(limits.connections))),
            next: AtomicU64::new(0),
            open: Mutex::default(),
            warned_at: Mutex::default(),
        })
    }

    /// Waits for a slot for a connection from `peer`. If there is none, connections without progress are closed, one after
    /// the other.
    pub(super) async fn admit(self: &Arc<Self>, peer: IpAddr) -> Slot {
        let permit = loop {
            if let Ok(permit) = self.slots.clone().try_acquire_owned() {
                break permit;
            }
            self.make_room();
            let freed = timeout(ROOM_TIME, self.slots.clone().acquire_owned()).await;
            if let Ok(Ok(permit)) = freed {
                break permit;
            }
        };
        let connection = Arc::new(OpenConnection {
            peer,
            activity: Activity::new(self.limits),
            exchanges: AtomicU64::new(0),
            closing: OnceLock::new(),
            ended: self.cut.child_token(),
        });
        let id = self.next.fetch_add(1, Relaxed);
        self.open().insert(id, connection.clone());
        Slot { connection, id, all: self.clone(), _permit: permit }
    }

    /// Closes the connection with the lowest rank: one that waits for a request, or else one whose client has stalled. Among
    /// these, one of the peer with the most connections, the oldest first.
    pub(super) fn make_room(&self) {
        let now = Instant::now();
        let open = self.open();
        let mut of_peer = HashMap::<IpAddr, usize>::new();
        for connection in open.values() {
            *of_peer.entry(connection.peer).or_default() += 1;
        }
        let closable = open.values().filter(|connection| !connection.is_closing());
        let closable = closable.filter_map(|connection| {
            let (class, since) = connection.activity.rank(now)?;
            let others = open.len() - of_peer.get(&connection.peer).copied().unwrap_or_default();
            Some(((class, others, since), connection))
        });
        if let Some((_, connection)) = closable.min_by_key(|(rank, _)| *rank) {
            connection.end();
            self.warn(open.len());
        }
    }

    /// Closes overdue connections, while it is polled.
    pub(super) async fn sweep(&self) {
        let mut tick = interval(self.limits.tick());
        loop {
            let now = tick.tick().await;
            for connection in self.open().values().filter(|connection| !connection.is_closing()) {
                if let Some(overdue) = connection.activity.overdue(now) {
                    tracing::debug!(?overdue, "connection closed");
                    connection.end();
                }
            }
        }
    }

    fn warn(&self, open: usize) {
        let mut warned_at = self.warned_at.lock();
        if warned_at.is_none_or(|at| at.elapsed() >= WARNING_EVERY) {
            *warned_at = Some(Instant::now());
            tracing::warn!(
                open,
                "connections exhausted: closing those that wait for a request or have stalled"
            );
        }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<u64, Arc<OpenConnection>>> {
        self.open.lock()
    }
}
