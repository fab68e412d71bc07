//! Which hosts may be tried now, so that one that is away, or slow, costs the others nothing.
//!
//! - `breaker`: when a host is taken for away, and when it is asked again
//! - `concurrency_limit`: how many tries may be under way at once
//! - `host`: both, for one host, and the notices that wait for it
//! - this file: that for every host, and the limit to how many hosts are remembered

pub(super) mod breaker;
mod concurrency_limit;
mod host;

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use breaker::{Change, Health};
use concurrency_limit::ConcurrencyLimit;
use host::Host;
use lru::LruCache;
use tokio::{sync::Notify, time::timeout_at};

/// Most hosts remembered; beyond it the one that was longest not asked for is forgotten, which costs
/// it, should it be away, a few attempts.
const HOSTS_MAX: NonZeroUsize = NonZeroUsize::new(1_024).expect("it is above zero");
/// Why a notice waits, for people.
const LEFT_ALONE: &str = "its host did not answer lately, and is left alone for a while";
/// The same, when the host, or others like it, have all the places they may have.
const NO_ANSWER_YET: &str = "earlier notices still wait for an answer";
/// Tries under way at one host that has not answered well lately.
const UNPROVEN_TRIES_MAX: usize = 2;
/// How long a notice waits in its slot for a place at a host that moves.
const MOVING: Duration = Duration::from_millis(250);
/// How long it waits there altogether.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// The least wait of a notice that finds no place, or a probe under way.
const NO_PLACE: Duration = Duration::from_secs(1);

/// All hosts that were asked for lately.
pub struct Hosts {
    known: Mutex<Known>,
    freed: Notify,
    slots: usize,
    report: Box<dyn Fn(usize) + Send + Sync>,
}

struct Known {
    hosts: LruCache<String, Host>,
    /// The tries at all hosts that have not answered well lately.
    unproven: ConcurrencyLimit,
    serial: u64,
}

/// One try that may start. Dropped without a word it says nothing about the host.
pub(super) struct Pass {
    hosts: Arc<Hosts>,
    authority: String,
    serial: u64,
    probe: bool,
    unproven: bool,
    is_over: bool,
}

/// Not now: how long to wait, and why, for people.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotNow {
    pub(super) after: Duration,
    pub(super) why: &'static str,
}

enum Answer {
    Start(Pass),
    NotNow(NotNow),
    /// No place; one may be free before this moment.
    Full(Instant),
}

impl Hosts {
    /// For a worker with this many slots. `report` is told, at each change, how many hosts are away.
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

    /// Asks for a try at a host. Waits for a place for a moment only.
    pub(super) async fn enter(self: &Arc<Self>, authority: &str) -> Result<Pass, NotNow> {
        let give_up = Instant::now() + WAIT_MAX;
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            match self.ask(authority, Instant::now()) {
                Answer::Start(pass) => return Ok(pass),
                Answer::NotNow(not_now) => return Err(not_now),
                Answer::Full(_) if Instant::now() >= give_up => {
                    return Err(NotNow { after: NO_PLACE, why: NO_ANSWER_YET });
                }
                Answer::Full(until) => {
                    let _ = timeout_at(until.min(give_up).into(), freed).await;
                }
            }
        }
    }

    fn ask(self: &Arc<Self>, authority: &str, now: Instant) -> Answer {
        let mut known = self.lock();
        let Known { hosts, unproven, serial } = &mut *known;
        if !hosts.contains(authority) {
            *serial += 1;
            let forgotten = hosts.push(authority.to_owned(), Host::new(*serial, now));
            if forgotten.is_some_and(|(_, host)| host.breaker.is_open()) {
                (self.report)(count_open(hosts));
            }
        }
        let host = hosts.get_or_insert_mut(authority.to_owned(), || Host::new(*serial, now));
        if let Err(wait) = host.breaker.may_start(now) {
            return Answer::NotNow(host.put_off(wait.max(NO_PLACE), LEFT_ALONE));
        }
        if let Some(until) = self.full(host, unproven) {
            if now < until {
                return Answer::Full(until);
            }
            return Answer::NotNow(host.put_off(NO_PLACE, NO_ANSWER_YET));
        }
        host.concurrency_limit.start(now);
        if !host.proven {
            unproven.start(now);
        }
        Answer::Start(Pass {
            hosts: self.clone(),
            authority: authority.to_owned(),
            serial: host.serial,
            probe: host.breaker.start(),
            unproven: !host.proven,
            is_over: false,
        })
    }

    /// Whether there is no place, and until when it is worth to wait for one.
    fn full(&self, host: &Host, unproven: &ConcurrencyLimit) -> Option<Instant> {
        let own_max = if host.proven { self.slots * 3 / 4 } else { UNPROVEN_TRIES_MAX };
        let concurrency_limit = if host.concurrency_limit.is_full(own_max) {
            &host.concurrency_limit
        } else if !host.proven && unproven.is_full(self.slots / 2) {
            unproven
        } else {
            return None;
        };
        Some(concurrency_limit.moved + MOVING)
    }

    fn end(&self, pass: &Pass, health: Health, now: Instant, jitter: f64) -> Change {
        let mut known = self.lock();
        let Known { hosts, unproven, .. } = &mut *known;
        if pass.unproven {
            unproven.end(now);
        }
        let host = hosts.peek_mut(&pass.authority).filter(|host| host.serial == pass.serial);
        let change = host.map_or(Change::None, |host| {
            host.concurrency_limit.end(now);
            let change = host.end(pass.probe, health, now, jitter);
            if !matches!(change, Change::None) {
                host.log(&pass.authority, change, now);
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
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass {
    /// Ends the try. How long the notice is to wait, if it was a probe that failed.
    pub(super) fn end(mut self, health: Health) -> Option<Duration> {
        self.is_over = true;
        match self.hosts.end(&self, health, Instant::now(), rand::random()) {
            Change::Reopened(pause) => Some(pause),
            Change::None | Change::Opened(_) | Change::Closed => None,
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if !self.is_over {
            self.hosts.end(self, Health::Unknown, Instant::now(), 0.0);
        }
    }
}

fn count_open(hosts: &LruCache<String, Host>) -> usize {
    hosts.iter().filter(|(_, host)| host.breaker.is_open()).count()
}

#[cfg(test)]
mod tests;
