//! Settings of the webhook channel.

use std::{path::PathBuf, time::Duration};

use contract::webhook::AllowList;
use runtime::names::NamesConfig;
use settings::{WebhookSecret, WebhookSecrets};

/// Settings of the webhook channel.
#[derive(Debug, Clone, clap::Args)]
pub struct WebhookConfig {
    /// Signs every webhook: `whsec_` followed by 24 to 64 bytes in base64. Without it they are not signed.
    /// While it is being changed, the new and the old one, separated by a comma: both sign.
    #[arg(
        long,
        env = "WAYBILL_WEBHOOK_SECRET",
        value_name = "SECRET[,OLD]",
        hide_env_values = true
    )]
    pub webhook_secret: Option<WebhookSecrets>,
    /// Exact `host:port` pairs, separated by commas, that may be told although they are not public.
    #[arg(long, env = "WAYBILL_WEBHOOK_ALLOW", default_value = "", hide_default_value = true)]
    pub webhook_allow: AllowList,
    /// Who is asked for the hosts of webhooks.
    #[command(flatten)]
    pub names: NamesConfig,
    /// File with certificates in PEM form that receivers may be signed by, beside the public authorities.
    #[arg(long, env = "WAYBILL_WEBHOOK_CA_FILE", value_name = "FILE")]
    pub webhook_ca_file: Option<PathBuf>,
    /// How long one webhook may take, from the name look-up to the answer, in milliseconds.
    #[arg(long, env = "WAYBILL_WEBHOOK_TIMEOUT_MS", default_value_t = 10_000, value_parser = settings::milliseconds(1..=60_000))]
    pub webhook_timeout_ms: u64,
    /// Seconds after a job's end for which its receiver may be away; then the notice is a dead letter.
    #[arg(long, env = "WAYBILL_WEBHOOK_AGE_MAX_SECONDS", default_value_t = 43_200, value_parser = settings::seconds(1..=86_400))]
    pub webhook_age_max_seconds: u64,
}

impl WebhookConfig {
    /// The secrets that sign.
    pub fn secrets(&self) -> &[WebhookSecret] {
        self.webhook_secret.as_ref().map_or(&[], WebhookSecrets::as_slice)
    }

    /// How long one webhook may take.
    pub const fn limit(&self) -> Duration {
        Duration::from_millis(self.webhook_timeout_ms)
    }

    /// How long a notice may wait for its receiver.
    pub const fn age_max(&self) -> Duration {
        Duration::from_secs(self.webhook_age_max_seconds)
    }
}
