//! One delivery as a handler sees it. The handler cannot settle it: the work loop does.

use std::{
    str::FromStr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use anyhow::anyhow;
use async_nats::{HeaderMap, jetstream::Message};
use bytes::Bytes;
use contract::{
    Stage, dead_header,
    event::{EventHead, NotAnEvent},
    job::{Job, JobKind},
    signals::{self, attr, reason},
};
use faults::{Fault, FaultPoint, JobFaults};
use opentelemetry::Context;
use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::{
    Bus, Failure, RecordSession, headers,
    in_flight::AckGuard,
    job_spans,
    origin::{self, BrokerCopy},
    run::RunState,
};

/// One delivery of a message.
pub struct Delivery {
    /// The message's subject.
    pub subject: String,
    /// The job kind, from the last token of the subject.
    pub kind: JobKind,
    /// The data.
    pub(crate) body: Bytes,
    /// Its stream sequence.
    pub seq: u64,
    /// When the broker stored it; Unix nanoseconds, broker time.
    pub published_at_ns: i128,
    /// Whether the broker delivered it before.
    pub redelivered: bool,
    /// Cancelled when the process must exit at once.
    pub hard_stop: CancellationToken,
    /// Trace context and baggage from the headers.
    pub context: Context,
    pub(crate) headers: HeaderMap,
    pub(crate) ack_guard: AckGuard,
    pub(crate) session: OnceLock<Arc<RecordSession>>,
    pub(crate) run: OnceLock<Arc<RunState>>,
    pub(crate) job: OnceLock<Job>,
    /// Wakes the keep-alive loop to renew the lease at once.
    pub(crate) renew_now: Arc<Notify>,
    origin: Result<(), BrokerCopy>,
    head: Result<EventHead, NotAnEvent>,
    pub(crate) deliveries: u32,
    received_at_ms: i64,
    faults: JobFaults,
    bus: Arc<Bus>,
}

impl Delivery {
    pub(crate) fn new(
        bus: &Arc<Bus>,
        message: Message,
        ack_guard: AckGuard,
        hard_stop: CancellationToken,
    ) -> Result<Self, async_nats::Error> {
        let info = message.info()?;
        let (seq, published_at_ns) = (info.stream_sequence, info.published.unix_timestamp_nanos());
        let deliveries = u32::try_from(info.delivered).unwrap_or(u32::MAX);
        let (message, _) = message.split();
        let headers = message.headers.unwrap_or_default();
        let context = headers::context_of(&headers);
        Ok(Self {
            kind: JobKind::named(message.subject.rsplit('.').next().unwrap_or_default()),
            subject: message.subject.to_string(),
            body: message.payload,
            seq,
            published_at_ns,
            redelivered: deliveries > 1,
            hard_stop,
            origin: origin::check(&headers),
            head: EventHead::read(|name| headers::value(&headers, name)),
            faults: JobFaults::of(headers::fault_in(&context).as_deref(), bus.faults_on),
            context,
            headers,
            ack_guard,
            session: OnceLock::new(),
            run: OnceLock::new(),
            job: OnceLock::new(),
            renew_now: Arc::default(),
            deliveries,
            received_at_ms: bus.service.clock.stamp_ms(),
            bus: bus.clone(),
        })
    }

    /// The event's attributes. Rejects a message without them, and one that no stage published.
    pub fn event(&self) -> Result<&EventHead, Failure> {
        self.origin.map_err(|copy| Failure::reject(reason::MALFORMED, copy))?;
        self.head.as_ref().map_err(|error| Failure::reject(reason::MALFORMED, error.clone()))
    }

    /// The data as `T`. Rejects data that is not a `T`, naming the wrong field, and a message that no stage published.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        contract::parse_json(self.data()?)
            .map_err(|error| Failure::reject(reason::MALFORMED, error))
    }

    /// The data as a job, unknown fields of a newer version included.
    pub fn as_job(&self) -> Result<Job, Failure> {
        Job::from_json(self.data()?).map_err(|error| Failure::reject(reason::MALFORMED, error))
    }

    /// The raw data, if a stage published the message. All readers of the data go through here.
    fn data(&self) -> Result<&[u8], Failure> {
        self.origin.map_err(|copy| Failure::reject(reason::MALFORMED, copy))?;
        Ok(&self.body)
    }

    /// Attaches the job's record, in which attempts are counted.
    pub fn open(&self, session: Arc<RecordSession>) {
        let _ = self.session.set(session);
    }

    /// Sets the job that the message is about, if its data do not contain it.
    pub fn set_job(&self, job: Job) {
        let _ = self.job.set(job);
    }

    /// The message's stream sequence; for a redriven message that of the original one.
    pub fn first_seq(&self) -> u64 {
        self.number(dead_header::REDRIVEN_SEQ).unwrap_or(self.seq)
    }

    /// The round that a redriven raw event starts; 0 for all others.
    pub fn redriven_round(&self) -> u32 {
        self.number(dead_header::REDRIVEN_ROUND).unwrap_or(0)
    }

    fn number<T: FromStr>(&self, header: &str) -> Option<T> {
        headers::value(&self.headers, header)?.parse().ok()
    }

    /// The queue wait since `since_ms` (displayed clock of this service, Unix milliseconds). Negative when clocks
    /// disagree.
    pub(crate) fn queue_wait_ms(&self, since_ms: i64) -> i64 {
        self.received_at_ms - since_ms
    }

    /// Records the queue wait since `since_ms` on the span and in the metrics; counts a negative one.
    pub fn note_queue_wait(&self, since_ms: i64) {
        let stage = self.bus.stage.name();
        let wait_ms = self.queue_wait_ms(since_ms);
        tracing::Span::current().set_attribute(attr::QUEUE_WAIT_MS, wait_ms);
        let metrics = &self.bus.service.metrics;
        if wait_ms < 0 {
            metrics.count(&signals::QUEUE_WAIT_NEGATIVE, &[stage]);
        }
        metrics.observe(
            &signals::QUEUE_WAIT,
            &[stage],
            Duration::from_millis(wait_ms.max(0).unsigned_abs()).as_secs_f64(),
        );
        job_spans::queued(&self.bus, self, since_ms, self.received_at_ms);
    }

    /// When the broker stored it; Unix milliseconds.
    pub fn published_at_ms(&self) -> i64 {
        i64::try_from(self.published_at_ns / 1_000_000).unwrap_or(i64::MAX)
    }

    /// Lets the job's injected faults act at `point`.
    pub async fn reach(&self, point: FaultPoint) -> Result<(), Failure> {
        match self.fault_at(point) {
            Some(fault) => fault.act().await.map_err(Failure::retry),
            None => Ok(()),
        }
    }

    /// The injected fault that is due at `point`, noted on the span. The caller applies it.
    pub fn fault_at(&self, point: FaultPoint) -> Option<Fault> {
        let fault = self.faults.at(self.bus.stage, self.run_number(), point)?;
        tracing::Span::current().set_attribute(attr::FAULT, fault.to_string());
        Some(fault)
    }

    /// Number of this run of the job, from 1: in the processor by the record, elsewhere by the broker's delivery count,
    /// which is exact enough to choose a fault.
    fn run_number(&self) -> u32 {
        self.run.get().map_or(self.deliveries, |run| run.number)
    }

    /// Whether `stage` is the event's source.
    pub fn is_from(&self, stage: Stage) -> bool {
        self.event().is_ok_and(|head| head.source == format!("/waybill/{stage}"))
    }

    /// The failure of a delivery that is cut short because the process stops.
    pub(crate) fn stopping() -> Failure {
        Failure::Postpone {
            reason: reason::STOPPING,
            cause: anyhow!("this worker is stopping"),
            after: Duration::ZERO,
        }
    }
}
