//! Watches a console while it is attacked: how fast its pages answer, and whether honest telemetry arrives. The
//! same questions go to a console that is left alone, which shows how busy the machine itself is.

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

/// How long any page may take; three times that where nothing is optimised.
const PAGE_LIMIT: Duration = Duration::from_secs(if cfg!(debug_assertions) { 3 } else { 1 });
/// The longest page of a trace.
const PAGE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How long an honest export may take until it can be read, the times included when it is postponed.
const HONEST_LIMIT: Duration = Duration::from_secs(10);
/// How long it then waits, as the protocol says.
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// How much slower than the idle console's slowest answer an answer may be beyond that: its process shares two
/// processors with the attack.
const NOISE: u32 = 4;
/// Between two rounds of questions.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// The requests that are repeated.
const PAGES: [&str; 3] = ["/healthz", "/", "/api/traces"];
/// The idle console's answers, in the table.
const IDLE: &str = "(idle console)";
/// Honest exports, in the table.
const HONEST: &str = "(honest export)";

/// A watch that goes on until it is ended.
pub(crate) struct Watch {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Seen>,
}

/// What a watch has seen.
#[derive(Default)]
pub(crate) struct Seen {
    times: BTreeMap<&'static str, Vec<Duration>>,
    /// What went wrong, in words.
    pub(crate) faults: Vec<String>,
}

impl Watch {
    /// Watches `console`; `idle` is asked the same.
    pub(crate) fn start(console: &Arc<Console>, idle: &Arc<Console>) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let (console, idle) = (Arc::clone(console), Arc::clone(idle));
        let task = tokio::spawn(async move {
            let mut seen = Seen::default();
            // The first round is always whole.
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

    /// What was seen, as soon as the round in progress is over.
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

    /// Asks, and remembers how long that took.
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

    /// Adds how long the page of a trace took and how many bytes it has.
    pub(crate) fn add_page(&mut self, page: Option<(Duration, Result<usize, String>)>) {
        let Some((took, bytes)) = page else { return };
        println!("MEASURED: the page of the trace has {bytes:?} bytes");
        self.times.entry("(trace page)").or_default().push(took);
        match bytes {
            Ok(bytes) if bytes <= PAGE_BYTES_MAX => {}
            other => self.faults.push(format!("the page of the trace: {other:?} bytes")),
        }
    }

    /// Prints medians and maxima, and adds to the faults what took too long.
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

/// A span as any service sends it, and its trace's id.
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
