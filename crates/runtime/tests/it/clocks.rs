//! Tests of a skewed clock with a time server on a real socket.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::{Duration, Instant, UNIX_EPOCH},
};

use contract::signals::{CLOCK_CORRECTED, CLOCK_OFFSET, METRICS, Metric};
use runtime::{
    clock::{Clock, TimeSource},
    ntp::{ClockWatch, NtpTiming},
};
use telemetry::Metrics;
use testkit::eventually;
use tokio::{net::UdpSocket, task::JoinHandle};

const LIMIT: Duration = Duration::from_secs(20);
/// Short, so that a test sees many polls and the end of the hold.
const TIMING: NtpTiming = NtpTiming {
    interval: Duration::from_millis(50),
    response_time_max: Duration::from_millis(100),
    refused_delay: Duration::from_hours(1),
    hold_time: Duration::from_secs(1),
};

/// How the server behaves.
#[derive(Debug, Clone, Copy, PartialEq)]
enum ServerMode {
    Normal,
    Silent,
    /// It is not synchronized: leap indicator 3, stratum 0.
    Unsynchronised,
    /// It sends kiss-o'-death.
    Deny,
    /// It responds to another request.
    WrongRequest,
}

struct Server {
    address: SocketAddr,
    mode: Arc<Mutex<(ServerMode, u32)>>,
    serving: JoinHandle<()>,
}

impl Server {
    async fn start(mode: ServerMode) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = socket.local_addr().unwrap();
        let mode = Arc::new(Mutex::new((mode, 0)));
        let serving = tokio::spawn(serve(socket, mode.clone()));
        Self { address, mode, serving }
    }

    fn set(&self, mode: ServerMode) {
        *self.mode.lock().unwrap() = (mode, 0);
    }

    /// Queries in this mode so far.
    fn queries(&self) -> u32 {
        self.mode.lock().unwrap().1
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(socket: UdpSocket, mode: Arc<Mutex<(ServerMode, u32)>>) {
    let clock = Clock::new();
    let mut query = [0; 48];
    loop {
        let (length, client) = socket.recv_from(&mut query).await.unwrap();
        assert_eq!((length, query[0] & 0b111), (48, 3), "a client's request");
        let mode = {
            let mut mode = mode.lock().unwrap();
            mode.1 += 1;
            mode.0
        };
        let now = clock.true_now().duration_since(UNIX_EPOCH).unwrap();
        let fraction = (u64::from(now.subsec_nanos()) << 32) / 1_000_000_000;
        let now = ((now.as_secs() + 2_208_988_800) << 32 | fraction).to_be_bytes();
        let mut answer = [0; 48];
        answer[..2].copy_from_slice(&[0b00_100_100, 2]);
        answer[24..32].copy_from_slice(&query[40..]);
        answer[32..40].copy_from_slice(&now);
        answer[40..].copy_from_slice(&now);
        match mode {
            ServerMode::Normal => {}
            ServerMode::Silent => continue,
            ServerMode::Unsynchronised => answer[..2].copy_from_slice(&[0b11_100_100, 0]),
            ServerMode::Deny => {
                answer[1] = 0;
                answer[12..16].copy_from_slice(b"DENY");
            }
            ServerMode::WrongRequest => answer[31] ^= 1,
        }
        socket.send_to(&answer, client).await.unwrap();
    }
}

/// A skewed clock, its watch, and what it publishes.
struct WatchedClock {
    clock: Clock,
    metrics: Metrics,
    _watch: ClockWatch,
}

impl WatchedClock {
    fn start(server: &Server, source: TimeSource, skew: time::Duration) -> Self {
        let clock = Clock::new();
        clock.skew(skew);
        let metrics = Metrics::new(METRICS, None, clock.offset());
        let address = server.address.to_string().parse().unwrap();
        let watch = ClockWatch::start(address, source, clock.clone(), metrics.clone(), TIMING);
        Self { clock, metrics, _watch: watch }
    }

    fn value(&self, metric: &Metric) -> f64 {
        let text = self.metrics.text();
        let value = |line: &str| line.strip_prefix(metric.name)?.trim().parse().ok();
        text.lines().find_map(value).unwrap()
    }

    fn shows(&self, offset: f64, corrected: f64) -> Result<(), String> {
        let (shown, is_corrected) = (self.value(&CLOCK_OFFSET), self.value(&CLOCK_CORRECTED));
        // The gauge holds the value exactly.
        let right =
            (shown - offset).abs() < 0.05 && (is_corrected - corrected).abs() < f64::EPSILON;
        right.then_some(()).ok_or_else(|| format!("offset {shown}, corrected {is_corrected}"))
    }
}

#[tokio::test]
async fn a_clock_five_seconds_ahead_is_measured_and_stamps_true_time_once_corrected() {
    let server = Server::start(ServerMode::Normal).await;
    let watched = WatchedClock::start(&server, TimeSource::Ntp, time::Duration::seconds(5));
    eventually(LIMIT, "the correction", async || watched.shows(5.0, 1.0)).await;
    let off_by = watched.clock.off_by();
    assert!(off_by.abs() < time::Duration::milliseconds(50), "still off by {off_by}");

    watched.clock.skew(time::Duration::seconds(-90));
    eventually(LIMIT, "the next correction", async || watched.shows(-90.0, 1.0)).await;
    let off_by = watched.clock.off_by();
    assert!(off_by.abs() < time::Duration::milliseconds(50), "still off by {off_by}");
}

#[tokio::test]
async fn without_ntp_a_clock_is_measured_and_not_corrected() {
    let server = Server::start(ServerMode::Normal).await;
    let watched = WatchedClock::start(&server, TimeSource::System, time::Duration::seconds(-5));
    eventually(LIMIT, "the measurement", async || watched.shows(-5.0, 0.0)).await;
    assert_eq!(watched.clock.off_by(), time::Duration::seconds(-5));
}

#[tokio::test]
async fn a_correct_clock_is_never_corrected() {
    let server = Server::start(ServerMode::Normal).await;
    let watched = WatchedClock::start(&server, TimeSource::Ntp, time::Duration::ZERO);
    eventually(LIMIT, "ten queries", async || server.queries() >= 10).await;
    watched.shows(0.0, 1.0).unwrap();
    assert_eq!(watched.clock.off_by(), time::Duration::ZERO);
}

#[tokio::test]
async fn a_correction_is_kept_for_a_while_without_the_server_and_then_dropped() {
    let skew = time::Duration::seconds(5);
    let server = Server::start(ServerMode::Normal).await;
    let watched = WatchedClock::start(&server, TimeSource::Ntp, skew);
    eventually(LIMIT, "the correction", async || watched.shows(5.0, 1.0)).await;
    let silent_since = Instant::now();
    server.set(ServerMode::Silent);
    // One query is three tries here: by the fourth packet a query went unanswered.
    eventually(LIMIT, "a query without a response", async || server.queries() >= 4).await;
    watched.shows(5.0, 1.0).unwrap();
    assert!(
        watched.clock.off_by().abs() < time::Duration::milliseconds(50),
        "the correction is kept"
    );

    eventually(LIMIT, "the end of the hold", async || watched.shows(5.0, 0.0)).await;
    assert!(
        silent_since.elapsed() >= TIMING.hold_time.mul_f64(0.9),
        "{:?}",
        silent_since.elapsed()
    );
    assert_eq!(watched.clock.off_by(), skew);

    server.set(ServerMode::Normal);
    eventually(LIMIT, "the correction again", async || watched.shows(5.0, 1.0)).await;
}

#[tokio::test]
async fn an_unsynchronized_server_or_a_wrong_response_corrects_nothing() {
    for mode in [ServerMode::Unsynchronised, ServerMode::WrongRequest, ServerMode::Silent] {
        let server = Server::start(mode).await;
        let skew = time::Duration::seconds(5);
        let watched = WatchedClock::start(&server, TimeSource::Ntp, skew);
        // Each query sends up to three packets: by the tenth packet, three queries are complete.
        eventually(LIMIT, "three queries", async || server.queries() >= 10).await;
        watched.shows(0.0, 0.0).unwrap_or_else(|seen| panic!("{mode:?}: {seen}"));
        assert_eq!(watched.clock.off_by(), skew, "{mode:?}");
    }
}

#[tokio::test]
async fn a_server_that_sent_kiss_o_death_is_not_queried_for_a_while() {
    let server = Server::start(ServerMode::Deny).await;
    let watched = WatchedClock::start(&server, TimeSource::Ntp, time::Duration::seconds(5));
    eventually(LIMIT, "the first query", async || server.queries() == 1).await;
    // A fixed time, because the test checks that nothing is sent.
    tokio::time::sleep(TIMING.interval * 10).await;
    assert_eq!(server.queries(), 1);
    watched.shows(0.0, 0.0).unwrap();
}

#[tokio::test]
async fn a_dropped_watch_sends_no_more_queries() {
    let server = Server::start(ServerMode::Normal).await;
    let watched = WatchedClock::start(&server, TimeSource::Ntp, time::Duration::ZERO);
    eventually(LIMIT, "a few queries", async || server.queries() >= 3).await;
    drop(watched);
    tokio::task::yield_now().await;
    let queries = server.queries();
    tokio::time::sleep(TIMING.interval * 5).await;
    assert!(server.queries() <= queries + 1, "one may have been under way");
}
