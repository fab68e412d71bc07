//! The limits of each kind of server; `docs/limits.md` lists them.

use std::time::Duration;

/// Largest head of a request, in bytes; a larger one is a 431.
pub const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Maximum number of header lines of a request; more get status 431.
pub const HEADERS_MAX: usize = 100;
/// Time to send a head, from its first byte or, on a new connection, from the start.
pub const HEAD_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a connection may be kept open without a request. Exporters pause for up to a minute.
pub const IDLE_TIME_MAX: Duration = Duration::from_mins(2);
/// How long a client may leave a response unread: within this time it must take [`PROGRESS_BYTES_MIN`].
pub const WRITE_TIME_MAX: Duration = Duration::from_secs(10);
/// What counts as progress of a client that reads slowly, in bytes.
pub const PROGRESS_BYTES_MIN: usize = 4 * 1024;
/// Requests at a time on one gRPC connection.
pub const STREAMS_MAX: u32 = 64;
/// What one gRPC stream may send ahead of what is read, in bytes.
pub const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// The same for all streams of a gRPC connection.
pub const CONNECTION_WINDOW_BYTES: u32 = 512 * 1024;
/// How often a quiet gRPC connection is pinged.
pub const PING_EVERY: Duration = Duration::from_secs(30);

/// The protocol of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1 only.
    Http,
    /// HTTP/2 only, which web pages cannot use on a port without TLS.
    Grpc,
}

/// How much one listener accepts, and how long it waits.
#[derive(Debug, Clone, Copy)]
pub struct ServerLimits {
    /// Protocol of the listener.
    pub protocol: Protocol,
    /// Maximum number of open connections in a process that may open 1,024 files; proportionally fewer with a lower
    /// limit. At the maximum, connections without progress are closed.
    pub connections: usize,
    /// See [`HEAD_TIME_MAX`].
    pub head_time: Duration,
    /// See [`IDLE_TIME_MAX`].
    pub idle_time: Duration,
    /// See [`WRITE_TIME_MAX`].
    pub write_time: Duration,
    /// How long a request may take until its response begins, its body's arrival included; the response is
    /// then a 408. `None` if the handlers have their own timeouts.
    pub request_time: Option<Duration>,
    /// How long a request may take until the end of its response; then the connection is closed. `None` if
    /// a response may be a stream of events.
    pub exchange_time: Option<Duration>,
    /// How long requests in flight may go on after the soft stop. `None`: until the hard stop.
    pub stop_grace: Option<Duration>,
}

impl ServerLimits {
    /// The gateway's API. Its bodies have their own limit, event streams last as long as a job, and requests in flight may
    /// finish until the hard stop.
    pub const API: Self = Self {
        protocol: Protocol::Http,
        connections: 640,
        head_time: HEAD_TIME_MAX,
        idle_time: IDLE_TIME_MAX,
        write_time: WRITE_TIME_MAX,
        request_time: None,
        exchange_time: None,
        stop_grace: None,
    };

    /// The console's pages, its JSON API and its webhook receiver.
    pub const PAGES: Self = Self {
        connections: 256,
        request_time: Some(Duration::from_secs(15)),
        exchange_time: Some(Duration::from_mins(1)),
        stop_grace: Some(Duration::from_millis(400)),
        ..Self::API
    };

    /// OTLP over HTTP.
    pub const OTLP_HTTP: Self = Self { connections: 192, ..Self::PAGES };

    /// OTLP over gRPC. An idle connection costs little and is pinged: exporters keep theirs for long.
    pub const OTLP_GRPC: Self = Self {
        protocol: Protocol::Grpc,
        connections: 128,
        idle_time: Duration::from_mins(10),
        ..Self::PAGES
    };

    /// Health and metrics of every service.
    pub const ADMIN: Self = Self { connections: 64, ..Self::PAGES };

    /// How often connections are compared with these limits.
    pub(super) fn tick(&self) -> Duration {
        let shortest = self.head_time.min(self.idle_time).min(self.write_time);
        (shortest / 10).clamp(Duration::from_millis(20), Duration::from_secs(1))
    }
}
