//! Measures the response times of a console under attack, and checks that valid telemetry arrives. An idle console gets
//! the same requests, to measure the load of the machine itself.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::oneshot, task::JoinHandle, time::sleep};

use crate::{
    console::Console,
    wire::{attribute, export, field, fixed64},
};

/// Response timeout of a page; three times that in a build without optimization.
const PAGE_LIMIT: Duration = Duration::from_secs(if cfg!(debug_assertions) { 3 } else { 1 });
/// Largest page of a trace, in bytes.
const PAGE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Timeout until a valid export can be read, including retries.
const HONEST_LIMIT: Duration = Duration::from_secs(10);
/// Delay before a retry, as specified by OTLP.
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// Tolerated ratio to the slowest response of the idle console: the process shares two cores with the attack.
const NOISE: u32 = 4;
/// Interval between two rounds of requests.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// The requests that are repeated.
const PAGES: [&str; 3] = ["/healthz", "/", "/api/traces"];
/// The row of the idle console in the table.
const IDLE: &str = "(idle console)";
/// The row of valid exports in the table.
const HONEST: &str = "(honest export)";

/// Measures until it is ended.
pub(crate) struct Watch {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Seen>,
}

/// The results of a measurement.
#[derive(Default)]
pub(crate) struct Seen {
    times: BTreeMap<&'static str, Vec<Duration>>,
    /// Problems, as text.
    pub(crate) faults: Vec<String>,
}

impl Watch {
    /// Starts to measure `console`; sends the same requests to `idle`.
    pub(crate) fn start(console: &Arc<Console>, idle: &Arc<Console>) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let (console, idle) = (Arc::clone(console), Arc::clone(idle));
        let task = tokio::spawn(async move {
            let mut seen = Seen::default();
            // The first round is always complete.
            for round in 1.. {
                seen.round(&console, &idle, round).await;
                if stopped.try_recv().is_ok() {
                    break;
                }
                sleep(POLL_INTERVAL).await;
            }
            seen
        });
        Self { stop, task }
    }

    /// Ends after the current round and returns the results.
    pub(crate) async fn end(self) -> Seen {
        self.stop.send(()).unwrap();
        self.task.await.unwrap()
    }
}

impl Seen {
    async fn round(&mut self, console: &Console, idle: &Console, round: u64) {
        for path in PAGES {
            self.time(path, console.get(path)).await;
        }
        self.time(IDLE, idle.get("/healthz")).await;
        let (trace, body) = honest(round);
        let sent = async {
            loop {
                let body = body.clone();
                match console.take_spans(body).await? {
                    200 => break console.get(&format!("/api/traces/{trace}")).await,
                    503 => sleep(RETRY_DELAY).await,
                    status => break Err(format!("status {status}")),
                }
            }
        };
        self.time(HONEST, sent).await;
    }

    /// Sends a request and records its duration.
    async fn time<T>(
        &mut self,
        what: &'static str,
        answer: impl Future<Output = Result<T, String>>,
    ) {
        let started = Instant::now();
        let answer = answer.await;
        self.times.entry(what).or_default().push(started.elapsed());
        self.faults.extend(answer.err().map(|error| format!("{what}: {error}")));
    }

    /// Records response time and size of the page of a trace.
    pub(crate) fn add_page(&mut self, page: Option<(Duration, Result<usize, String>)>) {
        let Some((took, bytes)) = page else { return };
        println!("MEASURED: the page of the trace has {bytes:?} bytes");
        self.times.entry("(trace page)").or_default().push(took);
        match bytes {
            Ok(bytes) if bytes <= PAGE_BYTES_MAX => {}
            other => self.faults.push(format!("the page of the trace: {other:?} bytes")),
        }
    }

    /// Prints medians and maxima, and adds a problem for each that is too long.
    pub(crate) fn judge(&mut self, attack: &str) {
        let slowest_idle = self.times.get(IDLE).and_then(|times| times.iter().max()).copied();
        let noise = slowest_idle.unwrap_or_default() * NOISE;
        for (what, times) in &mut self.times {
            times.sort_unstable();
            let (median, most) = (times[times.len() / 2], times[times.len() - 1]);
            println!(
                "MEASURED: {attack}: {what:<20} {:>4} times, median {:>5} ms, most {:>6} ms",
                times.len(),
                median.as_millis(),
                most.as_millis()
            );
            let limit = if *what == HONEST { HONEST_LIMIT } else { PAGE_LIMIT };
            if median > PAGE_LIMIT || most > limit + noise {
                self.faults.push(format!("{what}: median {median:?}, most {most:?}"));
            }
        }
    }
}

/// A valid span, and the id of its trace.
fn honest(round: u64) -> (String, Vec<u8>) {
    let trace = format!("{:032x}", (0x0a0b_0c0d_u128 << 64) | u128::from(round));
    let id = (0x0a0b_0c0d_u128 << 64 | u128::from(round)).to_be_bytes();
    let span = [
        field(1, id),
        field(2, round.to_be_bytes()),
        field(5, "honest"),
        fixed64(7, 1_760_000_000_000_000_000),
        fixed64(8, 1_760_000_000_001_000_000),
    ];
    let resource = field(1, attribute("service.name", "honest"));
    (trace, export(&resource, &field(2, span.concat())))
}
