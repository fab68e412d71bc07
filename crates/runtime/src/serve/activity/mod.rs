//! The activity of one connection: which time limit it exceeds, and whether it may be closed in favour of a new one.

use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::time::Instant;

use super::limits::{PROGRESS_BYTES_MIN, Protocol, ServerLimits};

/// Age at which a connection that waits for a request may be closed: a request sent right after connecting has arrived
/// by then.
const CLOSABLE_AFTER_WAITING: Duration = Duration::from_millis(20);
/// The same for a client that does not read its response. Short, because many such clients may delay a new one, and a
/// client that reads empties the kernel's buffer within milliseconds.
const CLOSABLE_AFTER_LAGGING: Duration = Duration::from_millis(100);
/// The same for a client that has not sent its body.
const CLOSABLE_AFTER_STALLING: Duration = Duration::from_millis(500);

/// The limit that a connection exceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overdue {
    /// No request for too long.
    Idle,
    /// The head of a request took too long.
    Head,
    /// The client did not read the response.
    Unread,
    /// The request took too long.
    Exchange,
}

/// Order in which connections are closed in favour of new ones: lowest first.
pub(super) type Rank = (u8, Instant);

/// The progress of one connection.
#[derive(Debug)]
pub(super) struct Activity {
    limits: ServerLimits,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Since the connection was accepted, or its last exchange ended.
    quiet_since: Instant,
    /// Arrival of the first byte of an incomplete head.
    head_since: Option<Instant>,
    /// Whether the last read returned no data.
    is_drained: bool,
    had_request: bool,
    exchanges: Vec<Exchange>,
    lag: Option<Lag>,
}

/// A request whose response is not complete.
#[derive(Debug)]
struct Exchange {
    id: u64,
    began: Instant,
    has_arrived: bool,
}

/// A client that reads slower than the server writes.
#[derive(Debug)]
struct Lag {
    since: Instant,
    measured_since: Instant,
    bytes: usize,
}

impl Activity {
    pub(super) fn new(limits: ServerLimits) -> Self {
        let state = State {
            quiet_since: Instant::now(),
            head_since: None,
            is_drained: false,
            had_request: false,
            exchanges: Vec::new(),
            lag: None,
        };
        Self { limits, state: Mutex::new(state) }
    }

    /// Notes that bytes were read.
    pub(super) fn read(&self) {
        let mut state = self.state();
        state.is_drained = false;
        // Between two gRPC requests only frames of the connection itself are read, such as pings.
        let may_be_head = self.limits.protocol == Protocol::Http || !state.had_request;
        if state.exchanges.is_empty() && may_be_head {
            state.head_since.get_or_insert_with(Instant::now);
        }
    }

    /// Notes that there was nothing to read.
    pub(super) fn drained(&self) {
        self.state().is_drained = true;
    }

    /// Notes a complete write.
    pub(super) fn written(&self) {
        self.state().lag = None;
    }

    /// Notes a partial write of `bytes`, which may be zero.
    pub(super) fn lagged(&self, bytes: usize) {
        let now = Instant::now();
        let mut state = self.state();
        let lag = state.lag.get_or_insert(Lag { since: now, measured_since: now, bytes: 0 });
        lag.bytes += bytes;
        if lag.bytes >= PROGRESS_BYTES_MIN {
            (lag.measured_since, lag.bytes) = (now, 0);
        }
    }

    /// Whether the client has unread data.
    pub(super) fn is_lagging(&self) -> bool {
        self.state().lag.is_some()
    }

    /// Whether a head has arrived in part.
    pub(super) fn is_in_head(&self) -> bool {
        let state = self.state();
        state.exchanges.is_empty() && state.head_since.is_some()
    }

    /// Whether the connection is idle after at least one request.
    pub(super) fn is_between_requests(&self) -> bool {
        let state = self.state();
        state.had_request && state.exchanges.is_empty() && state.head_since.is_none()
    }

    /// Whether no request is in flight.
    pub(super) fn is_quiet(&self) -> bool {
        self.state().exchanges.is_empty()
    }

    /// Notes a complete head. `has_arrived`: there is no body to wait for.
    pub(super) fn request_started(&self, id: u64, has_arrived: bool) {
        let mut state = self.state();
        state.had_request = true;
        state.head_since = None;
        state.exchanges.push(Exchange { id, began: Instant::now(), has_arrived });
    }

    /// Notes that the body was read to its end, or will not be read further.
    pub(super) fn arrived(&self, id: u64) {
        let mut state = self.state();
        if let Some(exchange) = state.exchanges.iter_mut().find(|exchange| exchange.id == id) {
            exchange.has_arrived = true;
        }
    }

    /// Notes the end of the response.
    pub(super) fn response_ended(&self, id: u64) {
        let mut state = self.state();
        state.exchanges.retain(|exchange| exchange.id != id);
        if state.exchanges.is_empty() {
            state.quiet_since = Instant::now();
        }
    }

    /// The limit that the connection exceeds.
    pub(super) fn overdue(&self, now: Instant) -> Option<Overdue> {
        let (limits, state) = (&self.limits, self.state());
        let is_over = |since: Instant, limit| now.saturating_duration_since(since) >= limit;
        if state.lag.as_ref().is_some_and(|lag| is_over(lag.measured_since, limits.write_time)) {
            return Some(Overdue::Unread);
        }
        if let Some(first) = state.exchanges.first() {
            let is_late = limits.exchange_time.is_some_and(|limit| is_over(first.began, limit));
            return is_late.then_some(Overdue::Exchange);
        }
        let head = state.head_since.or((!state.had_request).then_some(state.quiet_since));
        match head {
            Some(since) => is_over(since, limits.head_time).then_some(Overdue::Head),
            None => is_over(state.quiet_since, limits.idle_time).then_some(Overdue::Idle),
        }
    }

    /// `None` while a request is handled or its response is being read.
    pub(super) fn rank(&self, now: Instant) -> Option<Rank> {
        let state = self.state();
        let is_past = |since: Instant, limit| now.saturating_duration_since(since) >= limit;
        if state.exchanges.is_empty() && state.lag.is_none() {
            let can = state.is_drained && is_past(state.quiet_since, CLOSABLE_AFTER_WAITING);
            return can.then_some((0, state.quiet_since));
        }
        if let Some(lag) = &state.lag {
            return is_past(lag.since, CLOSABLE_AFTER_LAGGING).then_some((1, lag.since));
        }
        let is_stalled = |exchange: &Exchange| {
            !exchange.has_arrived && is_past(exchange.began, CLOSABLE_AFTER_STALLING)
        };
        let first = state.exchanges.first()?.began;
        state.exchanges.iter().all(is_stalled).then_some((2, first))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

#[cfg(test)]
mod tests;
