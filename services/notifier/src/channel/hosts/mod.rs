//! Limits the attempts at each host, so that an unreachable or slow host does not delay the others.
//!
//! - `breaker`: when a host counts as unreachable, and when it is probed
//! - `concurrency_limit`: how many attempts may be in progress at the same time
//! - `host`: both, for one host, and the notifications that wait for it
//! - this file: all hosts, and the limit of their number

pub(super) mod breaker;
mod concurrency_limit;
mod host;

use std::{
    num::NonZeroUsize,
    sync::Arc,
    time::{Duration, Instant},
};

use breaker::{Change, Health};
use concurrency_limit::ConcurrencyLimit;
use host::Host;
use lru::LruCache;
use parking_lot::{Mutex, MutexGuard};
use tokio::{sync::Notify, time::timeout_at};

/// Maximum number of hosts kept. Above it, the least recently used one is evicted; if that host is unreachable, its
/// eviction costs a few attempts.
const HOSTS_MAX: NonZeroUsize = NonZeroUsize::new(1_024).expect("it is above zero");
/// Why a notification waits: the breaker is open.
const BREAKER_OPEN: &str =
    "the webhook's host failed several times in a row and is not tried for a while";
/// Why a notification waits: the limit of attempts is reached.
const LIMIT_REACHED: &str = "earlier notifications still wait for a response";
/// Attempts in progress at one unproven host: its last attempt got no healthy response.
const UNPROVEN_ATTEMPTS_MAX: usize = 2;
/// How long after the last response of a host a notification waits in its slot for a permit.
const PERMIT_WAIT: Duration = Duration::from_millis(250);
/// How long it waits there in total.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// Least delay of a postponed notification.
const DELAY_MIN: Duration = Duration::from_secs(1);

/// All recently used hosts.
pub struct Hosts {
    known: Mutex<Known>,
    freed: Notify,
    slots: usize,
    report: Box<dyn Fn(usize) + Send + Sync>,
}

struct Known {
    hosts: LruCache<String, Host>,
    /// The attempts at all unproven hosts.
    unproven: ConcurrencyLimit,
    serial: u64,
}

/// Permit for one attempt. If dropped, the attempt does not count.
pub(super) struct Permit {
    hosts: Arc<Hosts>,
    authority: String,
    serial: u64,
    probe: bool,
    unproven: bool,
    has_ended: bool,
}

/// The notification has to wait: how long, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotNow {
    pub(super) after: Duration,
    pub(super) why: &'static str,
}

enum Admission {
    Start(Permit),
    NotNow(NotNow),
    /// No permit; one may be free before this time.
    Full(Instant),
}

impl Hosts {
    /// For a worker with this many slots. `report` is called at each change with the number of open breakers.
    pub fn new(slots: usize, report: impl Fn(usize) + Send + Sync + 'static) -> Arc<Self> {
        let known = Known {
            hosts: LruCache::new(HOSTS_MAX),
            unproven: ConcurrencyLimit::new(Instant::now()),
            serial: 0,
        };
        Arc::new(Self {
            known: Mutex::new(known),
            freed: Notify::new(),
            slots,
            report: Box::new(report),
        })
    }

    /// Acquires a permit for a host. Waits for a moment at most.
    pub(super) async fn enter(self: &Arc<Self>, authority: &str) -> Result<Permit, NotNow> {
        let deadline = Instant::now() + WAIT_MAX;
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            match self.admit(authority, Instant::now()) {
                Admission::Start(permit) => return Ok(permit),
                Admission::NotNow(not_now) => return Err(not_now),
                Admission::Full(_) if Instant::now() >= deadline => {
                    return Err(NotNow { after: DELAY_MIN, why: LIMIT_REACHED });
                }
                Admission::Full(until) => {
                    let _ = timeout_at(until.min(deadline).into(), freed).await;
                }
            }
        }
    }

    fn admit(self: &Arc<Self>, authority: &str, now: Instant) -> Admission {
        let mut known = self.lock();
        let Known { hosts, unproven, serial } = &mut *known;
        if !hosts.contains(authority) {
            *serial += 1;
            let evicted = hosts.push(authority.to_owned(), Host::new(*serial, now));
            if evicted.is_some_and(|(_, host)| host.breaker.is_open()) {
                (self.report)(count_open(hosts));
            }
        }
        let host = hosts.get_or_insert_mut(authority.to_owned(), || Host::new(*serial, now));
        if let Err(wait) = host.breaker.may_start(now) {
            return Admission::NotNow(host.postpone(wait.max(DELAY_MIN), BREAKER_OPEN));
        }
        if let Some(until) = self.full(host, unproven) {
            if now < until {
                return Admission::Full(until);
            }
            return Admission::NotNow(host.postpone(DELAY_MIN, LIMIT_REACHED));
        }
        host.concurrency_limit.start(now);
        if !host.proven {
            unproven.start(now);
        }
        Admission::Start(Permit {
            hosts: self.clone(),
            authority: authority.to_owned(),
            serial: host.serial,
            probe: host.breaker.start(),
            unproven: !host.proven,
            has_ended: false,
        })
    }

    /// When a permit may become free: `Some(deadline for waiting)` if none is free now, else `None`.
    fn full(&self, host: &Host, unproven: &ConcurrencyLimit) -> Option<Instant> {
        let own_max = if host.proven { self.slots * 3 / 4 } else { UNPROVEN_ATTEMPTS_MAX };
        let concurrency_limit = if host.concurrency_limit.is_full(own_max) {
            &host.concurrency_limit
        } else if !host.proven && unproven.is_full(self.slots / 2) {
            unproven
        } else {
            return None;
        };
        Some(concurrency_limit.moved + PERMIT_WAIT)
    }

    fn end(&self, permit: &Permit, health: Health, now: Instant, jitter: f64) -> Change {
        let mut known = self.lock();
        let Known { hosts, unproven, .. } = &mut *known;
        if permit.unproven {
            unproven.end(now);
        }
        let host = hosts.peek_mut(&permit.authority).filter(|host| host.serial == permit.serial);
        let change = host.map_or(Change::None, |host| {
            host.concurrency_limit.end(now);
            let change = host.end(permit.probe, health, now, jitter);
            if !matches!(change, Change::None) {
                host.log(&permit.authority, change, now);
            }
            change
        });
        if matches!(change, Change::Opened(_) | Change::Closed) {
            (self.report)(count_open(hosts));
        }
        drop(known);
        self.freed.notify_waiters();
        change
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock()
    }
}

impl Permit {
    /// Ends the attempt. Returns the delay of the notification if it was a failed probe.
    pub(super) fn end(mut self, health: Health) -> Option<Duration> {
        self.has_ended = true;
        match self.hosts.end(&self, health, Instant::now(), rand::random()) {
            Change::Reopened(delay) => Some(delay),
            Change::None | Change::Opened(_) | Change::Closed => None,
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.has_ended {
            self.hosts.end(self, Health::Unknown, Instant::now(), 0.0);
        }
    }
}

fn count_open(hosts: &LruCache<String, Host>) -> usize {
    hosts.iter().filter(|(_, host)| host.breaker.is_open()).count()
}

#[cfg(test)]
mod tests;
