//! Checks the trace of every job shortly after its end, while the console still has it.

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
    record_writes::JobEnd,
};
use crate::Client;

/// Time for the last spans to arrive.
const FIRST_CHECK: Duration = Duration::from_secs(3);
/// Delay until the next check of an incomplete trace: spans lost with a killed process are exported after its restart.
const NEXT_CHECK: Duration = Duration::from_secs(4);
/// Timeout for an incomplete trace.
const CHECK_TIMEOUT: Duration = Duration::from_secs(40);
/// Most concurrent checks.
const CHECKS_MAX: usize = 16;
/// After this delay, the console may have dropped the trace from its bounded store.
const LATE: Duration = Duration::from_secs(20);
const TOO_LATE: &str = "checked too late: the console had dropped it from its bounded store";
/// How long after an outage buffered spans may still be dropped, in milliseconds.
const DROPS_AFTER_OUTAGE_MS: i64 = 10_000;
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
            last.1 = now_ms.saturating_add(DROPS_AFTER_OUTAGE_MS);
        }
    }

    /// The reason of an outage that overlaps this time.
    fn overlapping(&self, from_ms: i64, to_ms: i64) -> Option<&'static str> {
        let outages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let overlaps = |outage: &&Outage| outage.0 <= to_ms && from_ms <= outage.1;
        outages.iter().find(overlaps).map(|outage| outage.2)
    }
}

/// Checks traces.
#[derive(Debug, Clone)]
pub struct TraceChecker {
    /// Client of the lab.
    pub client: Client,
    /// Receives the verdicts.
    pub ledger: Ledger,
    /// Outages that excuse an incomplete trace.
    pub outages: Outages,
}

struct PendingCheck {
    ended: JobEnd,
    due: Instant,
    deadline: Instant,
    is_late: bool,
}

impl TraceChecker {
    /// Checks the trace of every job in `ends`, until it is closed and all are checked.
    pub async fn run(self, mut ends: mpsc::Receiver<JobEnd>) {
        let mut checks = VecDeque::new();
        loop {
            while let Ok(ended) = ends.try_recv() {
                let now = Instant::now();
                let (due, deadline) = (now + FIRST_CHECK, now + CHECK_TIMEOUT);
                checks.push_back(PendingCheck { ended, due, deadline, is_late: false });
            }
            if checks.is_empty() && ends.is_closed() {
                return;
            }
            let due: Vec<PendingCheck> = take_due(&mut checks);
            if due.is_empty() {
                sleep(POLL_INTERVAL).await;
            }
            let next = join_all(due.into_iter().map(|pending| self.check_once(pending))).await;
            checks.extend(next.into_iter().flatten());
        }
    }

    /// Checks a trace; returns the next check, if one is needed.
    async fn check_once(&self, pending: PendingCheck) -> Option<PendingCheck> {
        let trace = self.client.trace(&pending.ended.trace_id).await;
        let name = &pending.ended.name;
        let is_late = pending.is_late || pending.due.elapsed() > LATE;
        let verdict = match check(trace.as_ref()) {
            Ok(()) => TraceVerdict::Complete,
            Err(_) if Instant::now() < pending.deadline => {
                return Some(PendingCheck { due: Instant::now() + NEXT_CHECK, is_late, ..pending });
            }
            Err(missing) => match self.excuse(&pending.ended) {
                Some(why) => TraceVerdict::Excused(why),
                None if is_late && trace.is_none() => TraceVerdict::Excused(TOO_LATE),
                None => TraceVerdict::Broken(format!("{} {missing}", pending.ended.trace_id)),
            },
        };
        self.ledger.trace_checked(name, verdict);
        None
    }

    fn excuse(&self, ended: &JobEnd) -> Option<&'static str> {
        let sent_ms = self.ledger.sent_ms(&ended.name).unwrap_or(ended.at_ms);
        self.outages.overlapping(sent_ms, Clock::new().stamp_ms())
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

/// An error if the trace is incomplete. A job may skip stages, but not the notifier.
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
    fn a_complete_trace_has_a_root_a_notifier_span_and_no_missing_parent() {
        assert_eq!(check(Some(&trace(&COMPLETE))), Ok(()));
        for missing in COMPLETE {
            let spans: Vec<_> = COMPLETE.into_iter().filter(|span| *span != missing).collect();
            assert!(check(Some(&trace(&spans))).is_err(), "without {missing:?}");
        }
        assert!(check(None).is_err());
    }

    #[test]
    fn only_traces_that_overlap_an_outage_are_excused() {
        let outages = Outages::default();
        outages.begin(10_000, "away");
        outages.end(12_000);
        let end = 12_000 + DROPS_AFTER_OUTAGE_MS;
        assert_eq!(outages.overlapping(9_000, 10_000), Some("away"));
        assert_eq!(outages.overlapping(end, end + 1), Some("away"));
        assert_eq!(outages.overlapping(8_000, 9_999), None);
        assert_eq!(outages.overlapping(end + 1, end + 2), None);
    }
}
