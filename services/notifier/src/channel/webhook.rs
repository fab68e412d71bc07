//! Sends notifications as signed HTTP requests, to allowed addresses and reachable hosts.
//!
//! One delivery attempt per call; the handler decides when to try again.

use std::{
    error::Error,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use contract::{
    signals::{attr, reason},
    webhook::{AllowList, WebhookTarget, parse_target},
};
use opentelemetry::KeyValue;
use reqwest::{Client, RequestBuilder, dns::Resolve, header::CONTENT_TYPE};
use runtime::names::Names;
use settings::WebhookSecret;
use tracing::{Instrument, Span, field::Empty, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::{
    Hosts, Notification, Sent, WebhookConfig,
    client::{authorities, client, drain},
    context::trace_context,
    hosts::{NotNow, breaker::Health},
    public_dns::{Allowed, NotPublic, Outside, PublicOnly},
    response::classify,
    signature,
};

/// Sends webhooks. Keeps connections open; share one in a process.
pub struct Webhook {
    /// Connects to public addresses only.
    public: Client,
    /// Connects anywhere; only for pairs on the allow-list.
    allow_listed: Client,
    allow: AllowList,
    secrets: Vec<WebhookSecret>,
    timeout: Duration,
    hosts: Arc<Hosts>,
}

impl Webhook {
    /// A channel that checks `hosts` before each attempt. Fails if the certificates cannot be read or the TLS library
    /// cannot start.
    pub fn new(config: &WebhookConfig, hosts: Arc<Hosts>) -> anyhow::Result<Self> {
        let names = Names::new(&config.names)?;
        Self::with_names(config, hosts, Outside(names.clone()), Allowed(names))
    }

    pub(super) fn with_names(
        config: &WebhookConfig,
        hosts: Arc<Hosts>,
        outside: impl Resolve + 'static,
        allowed: impl Resolve + 'static,
    ) -> anyhow::Result<Self> {
        let authorities = authorities(config.webhook_ca_file.as_deref())?;
        Ok(Self {
            public: client(config, &authorities, PublicOnly(outside))?,
            allow_listed: client(config, &authorities, allowed)?,
            allow: config.webhook_allow.clone(),
            secrets: config.secrets().to_vec(),
            timeout: config.limit(),
            hosts,
        })
    }

    /// Sends `notification` to `url` in a CLIENT span, unless the breaker of its host is open. `sent_at` is the true
    /// time: receivers refuse signatures that are minutes off.
    pub async fn send(
        &self,
        url: &str,
        notification: &Notification<'_>,
        sent_at: SystemTime,
    ) -> Sent {
        let target = match parse_target(url, &self.allow) {
            Ok(target) => target,
            // The rules may have changed since the job was accepted.
            Err(error) => {
                return Sent::NotAllowed { why: format!("the address {}", error.problem) };
            }
        };
        let pass = match self.hosts.enter(&target.authority()).await {
            Ok(pass) => pass,
            Err(NotNow { after, why }) => return postpone(&target, after, why),
        };
        // No path and no query: they may contain secrets.
        let span = info_span!(
            "POST",
            otel.kind = "client",
            otel.status_code = Empty,
            "http.request.method" = "POST",
            "server.address" = target.host(),
            "server.port" = i64::from(target.port()),
            "http.response.status_code" = Empty,
            "error.type" = Empty,
        );
        let post = async { self.post(&target, notification, sent_at).await };
        let (sent, health) = post.instrument(span).await;
        match (pass.end(health), sent) {
            // The probe of a breaker spends no attempt of the notification.
            (Some(after), Sent::Failed { why, .. }) => {
                Sent::Postponed { after, why, attempted: true }
            }
            (_, sent) => sent,
        }
    }

    async fn post(
        &self,
        target: &WebhookTarget,
        notification: &Notification<'_>,
        sent_at: SystemTime,
    ) -> (Sent, Health) {
        match self.request(target, notification, sent_at).send().await {
            Ok(response) => {
                let status = response.status();
                Span::current().record(attr::HTTP_RESPONSE_STATUS_CODE, i64::from(status.as_u16()));
                if !status.is_success() {
                    record_error(status.as_str());
                }
                let classified = classify(status, response.headers());
                drain(response).await;
                classified
            }
            Err(error) => self.classify_error(&error),
        }
    }

    fn request(
        &self,
        target: &WebhookTarget,
        notification: &Notification<'_>,
        sent_at: SystemTime,
    ) -> RequestBuilder {
        let client = if target.is_allow_listed() { &self.allow_listed } else { &self.public };
        let (id, body) = (notification.id(), notification.body());
        let timestamp = sent_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut request = client
            .post(target.url().clone())
            .headers(trace_context())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-timestamp", timestamp);
        if let Some(signature) = signature::of(&self.secrets, &id, timestamp, &body) {
            request = request.header("webhook-signature", signature);
        }
        request.header("webhook-id", id).body(body)
    }

    fn classify_error(&self, error: &reqwest::Error) -> (Sent, Health) {
        let cause = root(error);
        if cause.is::<NotPublic>() {
            record_error(reason::ADDRESS_REFUSED);
            return (Sent::NotAllowed { why: cause.to_string() }, Health::Unknown);
        }
        let (kind, why) = if error.is_timeout() {
            ("timeout", format!("no response within {:?}", self.timeout))
        } else if error.is_connect() {
            ("connect", format!("cannot connect: {cause}"))
        } else {
            ("connection", format!("connection lost: {cause}"))
        };
        record_error(kind);
        (Sent::Failed { after: None, why }, Health::Unhealthy { least: None })
    }
}

/// Adds an event to the span of the delivery: without a request there is no CLIENT span.
fn postpone(target: &WebhookTarget, after: Duration, why: &str) -> Sent {
    let attributes = vec![
        KeyValue::new(attr::SERVER_ADDRESS, target.host()),
        KeyValue::new(attr::SERVER_PORT, i64::from(target.port())),
    ];
    Span::current().add_event("postponed", attributes);
    Sent::Postponed { after, why: format!("{}: {why}", target.authority()), attempted: false }
}

fn record_error(kind: &str) {
    Span::current().record("otel.status_code", "ERROR").record(attr::ERROR_TYPE, kind);
}

/// The root cause of an error. The errors around it only name the step, or repeat the address.
fn root<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root
}
