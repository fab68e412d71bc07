//! Looks at the trace of every job a moment after its end, while the console still has it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use contract::topology;
use futures_util::future::join_all;
use runtime::clock::Clock;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};

use super::{
    ledger::{Ledger, TraceVerdict},
    records::Ended,
};
use crate::{Client, Trace};

/// Time for the last spans to come in.
const FIRST_LOOK: Duration = Duration::from_secs(3);
/// Until the next look at a trace that is not complete: a killed process tells its last spans when it is back.
const NEXT_LOOK: Duration = Duration::from_secs(4);
/// After this a trace stays as it is.
const GIVE_UP: Duration = Duration::from_secs(40);
/// Looks at once.
const LOOKS_MAX: usize = 16;
/// A first look that comes later than this may find that the bounded store has dropped the trace.
const LATE: Duration = Duration::from_secs(20);
const TOO_LATE: &str = "the harness looked too late: the console's bounded store had dropped it";
/// How long after the target was well again what waited for it may still be dropped, in milliseconds.
const AFTERMATH_MS: i64 = 10_000;
const PAUSE: Duration = Duration::from_millis(50);

/// When the telemetry's target was not well, and how that was. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Outages(Arc<Mutex<Vec<Outage>>>);

/// From, to, Unix milliseconds, and why.
type Outage = (i64, i64, &'static str);

impl Outages {
    /// It is not well from now on.
    pub fn begin(&self, now_ms: i64, why: &'static str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((now_ms, i64::MAX, why));
    }

    /// It is well again.
    pub fn end(&self, now_ms: i64) {
        if let Some(last) = self.0.lock().unwrap_or_else(PoisonError::into_inner).last_mut() {
            last.1 = now_ms.saturating_add(AFTERMATH_MS);
        }
    }

    /// Why a trace of this time may have gaps, if it may.
    fn touch(&self, from_ms: i64, to_ms: i64) -> Option<&'static str> {
        let outages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let touches = |outage: &&Outage| outage.0 <= to_ms && from_ms <= outage.1;
        outages.iter().find(touches).map(|outage| outage.2)
    }
}

/// Who looks.
#[derive(Debug, Clone)]
pub struct Watcher {
    /// Where the traces are.
    pub client: Client,
    /// Where verdicts go.
    pub ledger: Ledger,
    /// What excuses an incomplete trace.
    pub outages: Outages,
}

struct Look {
    ended: Ended,
    due: Instant,
    give_up: Instant,
    is_late: bool,
}

impl Watcher {
    /// Looks at the trace of everything that comes in, until no more does and all is judged.
    pub async fn run(self, mut ends: mpsc::Receiver<Ended>) {
        let mut looks = VecDeque::new();
        loop {
            while let Ok(ended) = ends.try_recv() {
                let now = Instant::now();
                let (due, give_up) = (now + FIRST_LOOK, now + GIVE_UP);
                looks.push_back(Look { ended, due, give_up, is_late: false });
            }
            if looks.is_empty() && ends.is_closed() {
                return;
            }
            let due: Vec<Look> = take_due(&mut looks);
            if due.is_empty() {
                sleep(PAUSE).await;
            }
            let again = join_all(due.into_iter().map(|look| self.look(look))).await;
            looks.extend(again.into_iter().flatten());
        }
    }

    /// Answers the next look, if there is to be one.
    async fn look(&self, look: Look) -> Option<Look> {
        let seen = self.client.trace(&look.ended.trace_id).await;
        let name = &look.ended.name;
        let is_late = look.is_late || look.due.elapsed() > LATE;
        let verdict = match check(seen.as_ref()) {
            Ok(()) => TraceVerdict::Complete,
            Err(_) if Instant::now() < look.give_up => {
                return Some(Look { due: Instant::now() + NEXT_LOOK, is_late, ..look });
            }
            Err(missing) => match self.excuse(&look.ended) {
                Some(why) => TraceVerdict::Apart(why),
                None if is_late && seen.is_none() => TraceVerdict::Apart(TOO_LATE),
                None => TraceVerdict::Broken(format!("{} {missing}", look.ended.trace_id)),
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

fn take_due(looks: &mut VecDeque<Look>) -> Vec<Look> {
    let now = Instant::now();
    let mut due = Vec::new();
    for _ in 0..looks.len() {
        let Some(look) = looks.pop_front() else { break };
        if look.due <= now && due.len() < LOOKS_MAX {
            due.push(look);
        } else {
            looks.push_back(look);
        }
    }
    due
}

/// Whether a trace is whole: one beginning, no span without its parent, and the news of its end.
fn check(trace: Option<&Trace>) -> Result<(), String> {
    let trace = trace.ok_or("is not in the store")?;
    if let Some(orphan) = trace.orphans().first() {
        return Err(format!("has a span without its parent: {}\n{trace}", orphan.name));
    }
    let roots = trace.roots().len();
    if roots != 1 {
        return Err(format!("has {roots} beginnings\n{trace}"));
    }
    let end = format!("process {}", topology::NOTIFIER.destination);
    if trace.0.iter().any(|span| span.name.starts_with(&end)) {
        Ok(())
    } else {
        Err(format!("lacks its end\n{trace}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn trace(spans: &[(&str, &str, &str)]) -> Trace {
        let span = |(id, parent, name): &(&str, &str, &str)| json!({"traceId": "01", "spanId": id, "parentSpanId": parent, "name": name});
        let spans: Vec<_> = spans.iter().map(span).collect();
        Trace::from_otlp(&json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}))
    }

    #[test]
    fn a_trace_is_whole_with_its_beginning_its_end_and_every_parent() {
        let end = format!("process {}.succeeded", topology::NOTIFIER.destination);
        let whole = [("a", "", "POST /v1/jobs"), ("b", "a", "publish"), ("c", "b", end.as_str())];
        assert_eq!(check(Some(&trace(&whole))), Ok(()));
        for missing in 0..whole.len() {
            let mut spans = whole.to_vec();
            spans.remove(missing);
            assert!(check(Some(&trace(&spans))).is_err(), "without {}", whole[missing].2);
        }
        assert!(check(None).is_err());
    }

    #[test]
    fn only_a_job_that_lived_during_an_outage_is_excused() {
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
