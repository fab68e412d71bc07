//! A wrong clock and a time server on a real socket.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::{Duration, Instant, UNIX_EPOCH},
};

use contract::signals::{CLOCK_CORRECTED, CLOCK_OFFSET, METRICS, Metric};
use runtime::{
    clock::{Clock, TimeSource},
    ntp::{Pace, Watch},
};
use telemetry::Metrics;
use testkit::eventually;
use tokio::{net::UdpSocket, task::JoinHandle};

const LIMIT: Duration = Duration::from_secs(20);
/// Short, so that a test sees many polls and the end of the hold.
const PACE: Pace = Pace {
    every: Duration::from_millis(50),
    answer_time_max: Duration::from_millis(100),
    refused: Duration::from_hours(1),
    hold: Duration::from_secs(1),
};

/// How the server behaves.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mood {
    Honest,
    Silent,
    /// It does not know the time: leap indicator 3, stratum 0.
    Unsynchronised,
    /// It sends kiss-o'-death.
    Deny,
    /// It responds to another request.
    Confused,
}

struct Server {
    address: SocketAddr,
    mood: Arc<Mutex<(Mood, u32)>>,
    serving: JoinHandle<()>,
}

impl Server {
    async fn start(mood: Mood) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = socket.local_addr().unwrap();
        let mood = Arc::new(Mutex::new((mood, 0)));
        let serving = tokio::spawn(serve(socket, mood.clone()));
        Self { address, mood, serving }
    }

    fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = (mood, 0);
    }

    /// Questions in this mood so far.
    fn queries(&self) -> u32 {
        self.mood.lock().unwrap().1
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(socket: UdpSocket, mood: Arc<Mutex<(Mood, u32)>>) {
    let clock = Clock::new();
    let mut question = [0; 48];
    loop {
        let (length, client) = socket.recv_from(&mut question).await.unwrap();
        assert_eq!((length, question[0] & 0b111), (48, 3), "a client's question");
        let mood = {
            let mut mood = mood.lock().unwrap();
            mood.1 += 1;
            mood.0
        };
        let now = clock.true_now().duration_since(UNIX_EPOCH).unwrap();
        let fraction = (u64::from(now.subsec_nanos()) << 32) / 1_000_000_000;
        let now = ((now.as_secs() + 2_208_988_800) << 32 | fraction).to_be_bytes();
        let mut answer = [0; 48];
        answer[..2].copy_from_slice(&[0b00_100_100, 2]);
        answer[24..32].copy_from_slice(&question[40..]);
        answer[32..40].copy_from_slice(&now);
        answer[40..].copy_from_slice(&now);
        match mood {
            Mood::Honest => {}
            Mood::Silent => continue,
            Mood::Unsynchronised => answer[..2].copy_from_slice(&[0b11_100_100, 0]),
            Mood::Deny => {
                answer[1] = 0;
                answer[12..16].copy_from_slice(b"DENY");
            }
            Mood::Confused => answer[31] ^= 1,
        }
        socket.send_to(&answer, client).await.unwrap();
    }
}

/// A clock that is bent, watched, and what it publishes.
struct Watched {
    clock: Clock,
    metrics: Metrics,
    _watch: Watch,
}

impl Watched {
    fn start(server: &Server, source: TimeSource, bent: time::Duration) -> Self {
        let clock = Clock::new();
        clock.bend(bent);
        let metrics = Metrics::new(METRICS, None, clock.offset());
        let address = server.address.to_string().parse().unwrap();
        let watch = Watch::start(address, source, clock.clone(), metrics.clone(), PACE);
        Self { clock, metrics, _watch: watch }
    }

    fn value(&self, metric: &Metric) -> f64 {
        let text = self.metrics.text();
        let value = |line: &str| line.strip_prefix(metric.name)?.trim().parse().ok();
        text.lines().find_map(value).unwrap()
    }

    fn shows(&self, offset: f64, corrected: f64) -> Result<(), String> {
        let (shown, is_corrected) = (self.value(&CLOCK_OFFSET), self.value(&CLOCK_CORRECTED));
        // The first is a gauge of bits: no sum has touched it.
        let right =
            (shown - offset).abs() < 0.05 && (is_corrected - corrected).abs() < f64::EPSILON;
        right.then_some(()).ok_or_else(|| format!("offset {shown}, corrected {is_corrected}"))
    }
}

#[tokio::test]
async fn a_clock_five_seconds_ahead_is_measured_so_and_stamps_true_time_once_corrected() {
    let server = Server::start(Mood::Honest).await;
    let watched = Watched::start(&server, TimeSource::Ntp, time::Duration::seconds(5));
    eventually(LIMIT, "the correction", async || watched.shows(5.0, 1.0)).await;
    let off_by = watched.clock.off_by();
    assert!(off_by.abs() < time::Duration::milliseconds(50), "still off by {off_by}");

    watched.clock.bend(time::Duration::seconds(-90));
    eventually(LIMIT, "the next correction", async || watched.shows(-90.0, 1.0)).await;
    let off_by = watched.clock.off_by();
    assert!(off_by.abs() < time::Duration::milliseconds(50), "still off by {off_by}");
}

#[tokio::test]
async fn without_ntp_a_clock_is_measured_and_left_as_it_is() {
    let server = Server::start(Mood::Honest).await;
    let watched = Watched::start(&server, TimeSource::System, time::Duration::seconds(-5));
    eventually(LIMIT, "the measurement", async || watched.shows(-5.0, 0.0)).await;
    assert_eq!(watched.clock.off_by(), time::Duration::seconds(-5));
}

#[tokio::test]
async fn a_clock_that_is_right_is_never_touched() {
    let server = Server::start(Mood::Honest).await;
    let watched = Watched::start(&server, TimeSource::Ntp, time::Duration::ZERO);
    eventually(LIMIT, "ten questions", async || server.queries() >= 10).await;
    watched.shows(0.0, 1.0).unwrap();
    assert_eq!(watched.clock.off_by(), time::Duration::ZERO);
}

#[tokio::test]
async fn a_correction_outlives_its_server_for_a_while_and_is_then_dropped_and_shown_so() {
    let bent = time::Duration::seconds(5);
    let server = Server::start(Mood::Honest).await;
    let watched = Watched::start(&server, TimeSource::Ntp, bent);
    eventually(LIMIT, "the correction", async || watched.shows(5.0, 1.0)).await;
    let silent_since = Instant::now();
    server.set(Mood::Silent);
    // One question is three tries here: by the fourth packet a question went unanswered.
    eventually(LIMIT, "a question without an answer", async || server.queries() >= 4).await;
    watched.shows(5.0, 1.0).unwrap();
    assert!(watched.clock.off_by().abs() < time::Duration::milliseconds(50), "it holds");

    eventually(LIMIT, "the end of the hold", async || watched.shows(5.0, 0.0)).await;
    assert!(silent_since.elapsed() >= PACE.hold.mul_f64(0.9), "{:?}", silent_since.elapsed());
    assert_eq!(watched.clock.off_by(), bent);

    server.set(Mood::Honest);
    eventually(LIMIT, "the correction again", async || watched.shows(5.0, 1.0)).await;
}

#[tokio::test]
async fn a_server_without_time_or_with_another_ones_answer_corrects_nothing() {
    for mood in [Mood::Unsynchronised, Mood::Confused, Mood::Silent] {
        let server = Server::start(mood).await;
        let bent = time::Duration::seconds(5);
        let watched = Watched::start(&server, TimeSource::Ntp, bent);
        // Each question asks three times: by the tenth packet, three answers were judged.
        eventually(LIMIT, "three questions", async || server.queries() >= 10).await;
        watched.shows(0.0, 0.0).unwrap_or_else(|seen| panic!("{mood:?}: {seen}"));
        assert_eq!(watched.clock.off_by(), bent, "{mood:?}");
    }
}

#[tokio::test]
async fn a_server_that_sent_kiss_o_death_is_not_queried_for_a_while() {
    let server = Server::start(Mood::Deny).await;
    let watched = Watched::start(&server, TimeSource::Ntp, time::Duration::seconds(5));
    eventually(LIMIT, "the first question", async || server.queries() == 1).await;
    // Not a wait for a condition: that nothing more comes is what the test is about.
    tokio::time::sleep(PACE.every * 10).await;
    assert_eq!(server.queries(), 1);
    watched.shows(0.0, 0.0).unwrap();
}

#[tokio::test]
async fn a_dropped_watch_asks_no_more() {
    let server = Server::start(Mood::Honest).await;
    let watched = Watched::start(&server, TimeSource::Ntp, time::Duration::ZERO);
    eventually(LIMIT, "a few questions", async || server.queries() >= 3).await;
    drop(watched);
    tokio::task::yield_now().await;
    let queries = server.queries();
    tokio::time::sleep(PACE.every * 5).await;
    assert!(server.queries() <= queries + 1, "one may have been under way");
}
