//! Checks the trace of every job a moment after its end, while the console still has it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::join_all;
use runtime::clock::Clock;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};
use trace::{Completeness, Trace};

use super::{
    ledger::{Ledger, TraceVerdict},
    records::Ended,
};
use crate::Client;

/// Time for the last spans to arrive.
const FIRST_CHECK: Duration = Duration::from_secs(3);
/// Delay until the next check of an incomplete trace: a killed process reports its last spans after its restart.
const NEXT_CHECK: Duration = Duration::from_secs(4);
/// After this long, an incomplete trace is reported.
const GIVE_UP: Duration = Duration::from_secs(40);
/// Most concurrent checks.
const CHECKS_MAX: usize = 16;
/// After this delay, the bounded store of the console may have dropped the trace.
const LATE: Duration = Duration::from_secs(20);
const TOO_LATE: &str = "checked too late: the console had dropped it from its bounded store";
/// How long after an outage waiting spans may still be dropped, in milliseconds.
const AFTERMATH_MS: i64 = 10_000;
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The outages of the telemetry target. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Outages(Arc<Mutex<Vec<Outage>>>);

/// Start and end in Unix milliseconds, and the reason.
type Outage = (i64, i64, &'static str);

impl Outages {
    /// Starts an outage.
    pub fn begin(&self, now_ms: i64, why: &'static str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((now_ms, i64::MAX, why));
    }

    /// Ends the outage.
    pub fn end(&self, now_ms: i64) {
        if let Some(last) = self.0.lock().unwrap_or_else(PoisonError::into_inner).last_mut() {
            last.1 = now_ms.saturating_add(AFTERMATH_MS);
        }
    }

    /// Why a trace of this time may be incomplete, if so.
    fn touch(&self, from_ms: i64, to_ms: i64) -> Option<&'static str> {
        let outages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let touches = |outage: &&Outage| outage.0 <= to_ms && from_ms <= outage.1;
        outages.iter().find(touches).map(|outage| outage.2)
    }
}

/// Checks traces.
#[derive(Debug, Clone)]
pub struct Watcher {
    /// The client of the console.
    pub client: Client,
    /// The ledger for the verdicts.
    pub ledger: Ledger,
    /// Outages that excuse an incomplete trace.
    pub outages: Outages,
}

struct PendingCheck {
    ended: Ended,
    due: Instant,
    give_up: Instant,
    is_late: bool,
}

impl Watcher {
    /// Checks the trace of every job in `ends`, until it is closed and all are checked.
    pub async fn run(self, mut ends: mpsc::Receiver<Ended>) {
        let mut checks = VecDeque::new();
        loop {
            while let Ok(ended) = ends.try_recv() {
                let now = Instant::now();
                let (due, give_up) = (now + FIRST_CHECK, now + GIVE_UP);
                checks.push_back(PendingCheck { ended, due, give_up, is_late: false });
            }
            if checks.is_empty() && ends.is_closed() {
                return;
            }
            let due: Vec<PendingCheck> = take_due(&mut checks);
            if due.is_empty() {
                sleep(POLL_INTERVAL).await;
            }
            let again = join_all(due.into_iter().map(|pending| self.check_once(pending))).await;
            checks.extend(again.into_iter().flatten());
        }
    }

    /// Checks a trace; returns the next check, if one is needed.
    async fn check_once(&self, pending: PendingCheck) -> Option<PendingCheck> {
        let seen = self.client.trace(&pending.ended.trace_id).await;
        let name = &pending.ended.name;
        let is_late = pending.is_late || pending.due.elapsed() > LATE;
        let verdict = match check(seen.as_ref()) {
            Ok(()) => TraceVerdict::Complete,
            Err(_) if Instant::now() < pending.give_up => {
                return Some(PendingCheck { due: Instant::now() + NEXT_CHECK, is_late, ..pending });
            }
            Err(missing) => match self.excuse(&pending.ended) {
                Some(why) => TraceVerdict::Excused(why),
                None if is_late && seen.is_none() => TraceVerdict::Excused(TOO_LATE),
                None => TraceVerdict::Broken(format!("{} {missing}", pending.ended.trace_id)),
            },
        };
        self.ledger.traced(name, verdict);
        None
    }

    fn excuse(&self, ended: &Ended) -> Option<&'static str> {
        let sent_ms = self.ledger.sent_ms(&ended.name).unwrap_or(ended.at_ms);
        self.outages.touch(sent_ms, Clock::new().stamp_ms())
    }
}

fn take_due(checks: &mut VecDeque<PendingCheck>) -> Vec<PendingCheck> {
    let now = Instant::now();
    let mut due = Vec::new();
    for _ in 0..checks.len() {
        let Some(pending) = checks.pop_front() else { break };
        if pending.due <= now && due.len() < CHECKS_MAX {
            due.push(pending);
        } else {
            checks.push_back(pending);
        }
    }
    due
}

/// Whether a trace is complete. A job may end before it reaches every stage, but not before the notifier.
fn check(trace: Option<&Trace>) -> Result<(), String> {
    let trace = trace.ok_or("is not in the store")?;
    let found = Completeness { missing_services: Vec::new(), ..Completeness::of(trace) };
    if found.is_complete() { Ok(()) } else { Err(format!("is {found}\n{trace}")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A job that ends at the gateway: id, parent, service, kind.
    const COMPLETE: [(&str, &str, &str, u8); 3] =
        [("a", "", "gateway", 2), ("b", "a", "gateway", 4), ("c", "b", "notifier", 5)];

    fn trace(spans: &[(&str, &str, &str, u8)]) -> Trace {
        let of_service = |(id, parent, service, kind): &(&str, &str, &str, u8)| {
            let name = json!([{"key": "service.name", "value": {"stringValue": service}}]);
            let span = json!({"spanId": id, "parentSpanId": parent, "kind": kind});
            json!({"resource": {"attributes": name}, "scopeSpans": [{"spans": [span]}]})
        };
        let all: Vec<_> = spans.iter().map(of_service).collect();
        Trace::from_otlp(&json!({"resourceSpans": all}))
    }

    #[test]
    fn a_complete_trace_has_a_root_a_notifier_span_and_every_parent() {
        assert_eq!(check(Some(&trace(&COMPLETE))), Ok(()));
        for missing in COMPLETE {
            let spans: Vec<_> = COMPLETE.into_iter().filter(|span| *span != missing).collect();
            assert!(check(Some(&trace(&spans))).is_err(), "without {missing:?}");
        }
        assert!(check(None).is_err());
    }

    #[test]
    fn only_a_job_during_an_outage_is_excused() {
        let outages = Outages::default();
        outages.begin(10_000, "away");
        outages.end(12_000);
        let aftermath = 12_000 + AFTERMATH_MS;
        assert_eq!(outages.touch(9_000, 10_000), Some("away"));
        assert_eq!(outages.touch(aftermath, aftermath + 1), Some("away"));
        assert_eq!(outages.touch(8_000, 9_999), None);
        assert_eq!(outages.touch(aftermath + 1, aftermath + 2), None);
    }
}
