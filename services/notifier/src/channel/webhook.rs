//! Sends notices as signed HTTP requests, to addresses that the rules allow and hosts that answer.
//!
//! One try a call: trying again is the caller's.

use std::{
    error::Error,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use contract::{
    signals::{attr, reason},
    webhook::{AllowList, Target, parse_target},
};
use opentelemetry::KeyValue;
use reqwest::{Client, RequestBuilder, dns::Resolve, header::CONTENT_TYPE};
use runtime::names::Names;
use settings::WebhookSecret;
use tracing::{Instrument, Span, field::Empty, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::{
    Hosts, Notice, Sent, WebhookConfig,
    answer::judge,
    client::{authorities, client, drain},
    context::trace_context,
    hosts::{NotNow, breaker::Health},
    public_dns::{Allowed, NotPublic, Outside, PublicOnly},
    signature,
};

/// Sends webhooks. Keeps connections open, so one is enough for a process.
pub struct Webhook {
    /// Goes to public addresses only.
    public: Client,
    /// Goes anywhere; only for pairs on the allow-list.
    allow_listed: Client,
    allow: AllowList,
    secrets: Vec<WebhookSecret>,
    limit: Duration,
    hosts: Arc<Hosts>,
}

impl Webhook {
    /// A channel with these settings, which asks `hosts` before each try. Fails if the certificates
    /// cannot be read or the TLS library cannot start.
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
            limit: config.limit(),
            hosts,
        })
    }

    /// Sends `notice` to `url` in a CLIENT span of its own, unless its host is away. `sent_at` is the
    /// true time: receivers refuse signatures that are minutes off.
    pub async fn send(&self, url: &str, notice: &Notice<'_>, sent_at: SystemTime) -> Sent {
        let target = match parse_target(url, &self.allow) {
            Ok(target) => target,
            // The rules may have changed since the job was taken.
            Err(error) => {
                return Sent::NotAllowed { why: format!("the address {}", error.problem) };
            }
        };
        let pass = match self.hosts.enter(&target.authority()).await {
            Ok(pass) => pass,
            Err(NotNow { after, why }) => return put_off(&target, after, why),
        };
        // No path and no query: they may hold secrets.
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
        let post = async { self.post(&target, notice, sent_at).await };
        let (sent, health) = post.instrument(span).await;
        match (pass.end(health), sent) {
            // Asking whether a host is back is the lab's affair: it costs the notice nothing.
            (Some(after), Sent::Again { why, .. }) => Sent::PutOff { after, why, tried: true },
            (_, sent) => sent,
        }
    }

    async fn post(
        &self,
        target: &Target,
        notice: &Notice<'_>,
        sent_at: SystemTime,
    ) -> (Sent, Health) {
        match self.request(target, notice, sent_at).send().await {
            Ok(answer) => {
                let status = answer.status();
                Span::current().record(attr::HTTP_RESPONSE_STATUS_CODE, i64::from(status.as_u16()));
                if !status.is_success() {
                    record_error(status.as_str());
                }
                let judged = judge(status, answer.headers());
                drain(answer).await;
                judged
            }
            Err(error) => self.judge_error(&error),
        }
    }

    fn request(&self, target: &Target, notice: &Notice<'_>, sent_at: SystemTime) -> RequestBuilder {
        let client = if target.is_allow_listed() { &self.allow_listed } else { &self.public };
        let (id, body) = (notice.id(), notice.body());
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

    fn judge_error(&self, error: &reqwest::Error) -> (Sent, Health) {
        let cause = root(error);
        if cause.is::<NotPublic>() {
            record_error(reason::ADDRESS_REFUSED);
            return (Sent::NotAllowed { why: cause.to_string() }, Health::Unknown);
        }
        let (kind, why) = if error.is_timeout() {
            ("timeout", format!("no answer within {:?}", self.limit))
        } else if error.is_connect() {
            ("connect", format!("could not connect: {cause}"))
        } else {
            ("connection", format!("the connection broke: {cause}"))
        };
        record_error(kind);
        (Sent::Again { after: None, why }, Health::Ill { least: None })
    }
}

/// Says so in the attempt's span: there is no CLIENT span that could.
fn put_off(target: &Target, after: Duration, why: &str) -> Sent {
    let what = vec![
        KeyValue::new(attr::SERVER_ADDRESS, target.host()),
        KeyValue::new(attr::SERVER_PORT, i64::from(target.port())),
    ];
    Span::current().add_event("put off", what);
    Sent::PutOff { after, why: format!("{}: {why}", target.authority()), tried: false }
}

fn record_error(kind: &str) {
    Span::current().record("otel.status_code", "ERROR").record(attr::ERROR_TYPE, kind);
}

/// What an error began with. The errors around it only say which step it was, or repeat the address.
fn root<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root
}
