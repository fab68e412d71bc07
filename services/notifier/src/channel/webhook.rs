//! Sends notices as signed HTTP requests, to addresses that the rules allow.
//!
//! One try a call: trying again is the caller's.

use std::{
    error::Error,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Context as _;
use contract::{
    signals::attr,
    waybill::{TRACEPARENT, TRACESTATE},
    webhook::{AllowList, Target, parse_target},
};
use opentelemetry::{global, propagation::Injector};
use reqwest::{
    Client, RequestBuilder,
    dns::Resolve,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
    redirect::Policy,
};
use tracing::{Instrument, Span, field::Empty, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::{
    Notice, Secret, Sent,
    answer::judge,
    public_dns::{NotPublic, PublicOnly, SystemDns},
};

/// Connections kept open to one receiver.
const IDLE_MAX: usize = 4;
/// How long they are kept.
const IDLE_FOR: Duration = Duration::from_secs(30);
/// Who asks.
const USER_AGENT: &str = concat!("waybill-notifier/", env!("CARGO_PKG_VERSION"));

/// Settings of the webhook channel.
#[derive(Debug, Clone, clap::Args)]
pub struct WebhookConfig {
    /// Signs every webhook: `whsec_` followed by 24 to 64 bytes in base64. Without it they are not signed.
    #[arg(long, env = "WAYBILL_WEBHOOK_SECRET", hide_env_values = true)]
    pub webhook_secret: Option<Secret>,
    /// Exact `host:port` pairs, separated by commas, that may be told although they are not public.
    #[arg(long, env = "WAYBILL_WEBHOOK_ALLOW", default_value = "", hide_default_value = true)]
    pub webhook_allow: AllowList,
    /// How long one webhook may take, from the name look-up to the answer, in milliseconds.
    #[arg(long, env = "WAYBILL_WEBHOOK_TIMEOUT_MS", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub webhook_timeout_ms: u64,
}

/// Sends webhooks. Keeps connections open, so one is enough for a process.
pub struct Webhook {
    /// Goes to public addresses only.
    public: Client,
    /// Goes anywhere; only for pairs on the allow-list.
    allow_listed: Client,
    allow: AllowList,
    secret: Option<Secret>,
    limit: Duration,
}

impl Webhook {
    /// A channel with these settings. Fails only if the TLS library cannot start.
    pub fn new(config: &WebhookConfig) -> anyhow::Result<Self> {
        Self::with_names(config, SystemDns)
    }

    pub(super) fn with_names(
        config: &WebhookConfig,
        names: impl Resolve + Clone + 'static,
    ) -> anyhow::Result<Self> {
        let limit = Duration::from_millis(config.webhook_timeout_ms);
        Ok(Self {
            public: client(limit, PublicOnly(names.clone()))?,
            allow_listed: client(limit, names)?,
            allow: config.webhook_allow.clone(),
            secret: config.webhook_secret.clone(),
            limit,
        })
    }

    /// Sends `notice` to `url` in a CLIENT span of its own. `sent_at` is the true time: receivers
    /// refuse signatures that are minutes off.
    pub async fn send(&self, url: &str, notice: &Notice<'_>, sent_at: SystemTime) -> Sent {
        let target = match parse_target(url, &self.allow) {
            Ok(target) => target,
            // The rules may have changed since the job was taken.
            Err(error) => return Sent::Refused { why: format!("the address {}", error.problem) },
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
        post.instrument(span).await
    }

    async fn post(&self, target: &Target, notice: &Notice<'_>, sent_at: SystemTime) -> Sent {
        match self.request(target, notice, sent_at).send().await {
            // The answer's body is of no interest and is not read.
            Ok(answer) => {
                let status = answer.status();
                Span::current().record(attr::HTTP_RESPONSE_STATUS_CODE, i64::from(status.as_u16()));
                if !status.is_success() {
                    record_error(status.as_str());
                }
                judge(status, answer.headers())
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
        if let Some(secret) = &self.secret {
            request = request.header("webhook-signature", secret.sign(&id, timestamp, &body));
        }
        request.header("webhook-id", id).body(body)
    }

    fn judge_error(&self, error: &reqwest::Error) -> Sent {
        let cause = root(error);
        if cause.is::<NotPublic>() {
            record_error("address_refused");
            return Sent::Refused { why: cause.to_string() };
        }
        let (kind, why) = if error.is_timeout() {
            ("timeout", format!("no answer within {:?}", self.limit))
        } else if error.is_connect() {
            ("connect", format!("could not connect: {cause}"))
        } else {
            ("connection", format!("the connection broke: {cause}"))
        };
        record_error(kind);
        Sent::Again { after: None, why }
    }
}

/// No proxy: it would look names up itself. No redirect: it would lead past the address rules.
fn client(limit: Duration, names: impl Resolve + 'static) -> anyhow::Result<Client> {
    Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .dns_resolver(Arc::new(names))
        .timeout(limit)
        .pool_max_idle_per_host(IDLE_MAX)
        .pool_idle_timeout(IDLE_FOR)
        .user_agent(USER_AGENT)
        .build()
        .context("starting the webhook client")
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

/// The current span as headers. Baggage stays inside the lab.
fn trace_context() -> HeaderMap {
    let mut headers = Headers(HeaderMap::new());
    let context = Span::current().context();
    global::get_text_map_propagator(|propagator| propagator.inject_context(&context, &mut headers));
    headers.0
}

struct Headers(HeaderMap);

impl Injector for Headers {
    fn set(&mut self, key: &str, value: String) {
        let name =
            [TRACEPARENT, TRACESTATE].into_iter().find(|name| key.eq_ignore_ascii_case(name));
        // An empty tracestate is the same as none.
        if let (Some(name), false, Ok(value)) =
            (name, value.is_empty(), HeaderValue::try_from(value.as_str()))
        {
            self.0.insert(HeaderName::from_static(name), value);
        }
    }
}
