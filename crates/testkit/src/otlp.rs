//! An OTLP receiver that records telemetry, or fails like an unavailable backend.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use opentelemetry_proto::tonic::collector::{
    logs::v1::{
        ExportLogsServiceRequest, ExportLogsServiceResponse,
        logs_service_server::{LogsService, LogsServiceServer},
    },
    trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
};
use tokio::{net::TcpListener, task::JoinSet};
use tonic::{
    Request, Response, Status,
    transport::{Server, server::TcpIncoming},
};

use crate::received::{ReceivedLog, ReceivedSpan, service_name};

/// Maximum number of recorded spans, and of log lines; above it, the sink responds `resource exhausted`.
const KEPT_MAX: usize = 500_000;

/// Behaviour of the sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SinkMode {
    /// Records requests.
    #[default]
    Normal,
    /// Responds `unavailable`.
    Refusing,
    /// Accepts requests and never responds, not even after a change of the mode.
    Hanging,
}

/// An OTLP receiver over gRPC on a free port, for spans and logs. Ends when it is dropped.
#[derive(Debug)]
pub struct OtlpSink {
    address: SocketAddr,
    inbox: Inbox,
    _server: JoinSet<()>,
}

impl OtlpSink {
    /// Starts a sink in mode [`SinkMode::Normal`].
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port is free");
        let address = listener.local_addr().expect("it was just bound");
        let inbox = Inbox::default();
        let routes = Server::builder()
            .add_service(TraceServiceServer::new(inbox.clone()))
            .add_service(LogsServiceServer::new(inbox.clone()));
        let mut task = JoinSet::new();
        task.spawn(async move {
            let served = routes.serve_with_incoming(TcpIncoming::from(listener)).await;
            served.expect("the sink serves until it is dropped");
        });
        Self { address, inbox, _server: task }
    }

    /// Value for `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes the behaviour for later requests.
    pub fn set_mode(&self, mode: SinkMode) {
        self.inbox.lock().mode = mode;
    }

    /// Number of requests so far, in any mode.
    pub fn requests(&self) -> u64 {
        self.inbox.lock().requests
    }

    /// All recorded spans.
    pub fn spans(&self) -> Vec<ReceivedSpan> {
        self.inbox.lock().spans.clone()
    }

    /// The spans of one trace, given as 32 hex digits, by start time.
    pub fn trace(&self, trace_id: &str) -> Vec<ReceivedSpan> {
        let inbox = self.inbox.lock();
        let spans = inbox.spans.iter().filter(|span| span.trace_id() == trace_id);
        let mut spans: Vec<ReceivedSpan> = spans.cloned().collect();
        spans.sort_by_key(|span| span.span.start_time_unix_nano);
        spans
    }

    /// All recorded log lines.
    pub fn logs(&self) -> Vec<ReceivedLog> {
        self.inbox.lock().logs.clone()
    }

    /// The log lines of one trace, given as 32 hex digits.
    pub fn logs_of(&self, trace_id: &str) -> Vec<ReceivedLog> {
        let inbox = self.inbox.lock();
        let logs = inbox.logs.iter().filter(|log| log.trace_id() == trace_id);
        logs.cloned().collect()
    }

    /// Deletes all recorded spans and log lines.
    pub fn clear(&self) {
        let mut inbox = self.inbox.lock();
        inbox.spans.clear();
        inbox.logs.clear();
    }
}

#[derive(Debug, Clone, Default)]
struct Inbox(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    mode: SinkMode,
    requests: u64,
    spans: Vec<ReceivedSpan>,
    logs: Vec<ReceivedLog>,
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().expect("no holder panics")
    }

    async fn admit(&self) -> Result<(), Status> {
        let mode = {
            let mut kept = self.lock();
            kept.requests += 1;
            kept.mode
        };
        match mode {
            SinkMode::Normal => Ok(()),
            SinkMode::Refusing => Err(Status::unavailable("the sink refuses")),
            SinkMode::Hanging => std::future::pending().await,
        }
    }
}

/// Records as many items as the limit allows.
fn keep<T>(kept: &mut Vec<T>, more: impl Iterator<Item = T>) -> Result<(), Status> {
    let room = KEPT_MAX.saturating_sub(kept.len());
    let mut more = more.peekable();
    kept.extend(more.by_ref().take(room));
    match more.peek() {
        None => Ok(()),
        Some(_) => Err(Status::resource_exhausted("the sink is full")),
    }
}

#[tonic::async_trait]
impl TraceService for Inbox {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.admit().await?;
        let resources = request.into_inner().resource_spans.into_iter();
        let spans = resources.flat_map(|resource| {
            let service = service_name(resource.resource.as_ref());
            let spans = resource.scope_spans.into_iter().flat_map(|s| s.spans);
            spans.map(move |span| ReceivedSpan { service: service.clone(), span })
        });
        keep(&mut self.lock().spans, spans)?;
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl LogsService for Inbox {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        self.admit().await?;
        let resources = request.into_inner().resource_logs.into_iter();
        let logs = resources.flat_map(|resource| {
            let service = service_name(resource.resource.as_ref());
            let records = resource.scope_logs.into_iter().flat_map(|s| s.log_records);
            records.map(move |record| ReceivedLog { service: service.clone(), record })
        });
        keep(&mut self.lock().logs, logs)?;
        Ok(Response::new(ExportLogsServiceResponse::default()))
    }
}
