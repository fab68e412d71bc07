//! Settings of the webhook channel.

use std::{path::PathBuf, time::Duration};

use contract::webhook::AllowList;
use runtime::names::NamesConfig;
use settings::{WebhookSecret, WebhookSecrets};

/// Settings of the webhook channel.
#[derive(Debug, Clone, clap::Args)]
pub struct WebhookConfig {
    /// Secret that signs webhooks: `whsec_` followed by 24 to 64 bytes in base64. Without it they are not signed.
    /// To rotate it, give the new and the old one, separated by a comma: both sign.
    #[arg(
        long,
        env = "WAYBILL_WEBHOOK_SECRET",
        value_name = "SECRET[,OLD]",
        hide_env_values = true
    )]
    pub webhook_secret: Option<WebhookSecrets>,
    /// Addresses that webhooks may use although they are not public: exact host:port pairs, separated by commas.
    #[arg(long, env = "WAYBILL_WEBHOOK_ALLOW", default_value = "", hide_default_value = true)]
    pub webhook_allow: AllowList,
    /// Name servers that resolve the hosts of webhooks.
    #[command(flatten)]
    pub names: NamesConfig,
    /// File in PEM format with certificate authorities that are trusted in addition to the public ones.
    #[arg(long, env = "WAYBILL_WEBHOOK_CA_FILE", value_name = "FILE")]
    pub webhook_ca_file: Option<PathBuf>,
    /// Timeout of a webhook, from the name look-up to the response, in milliseconds.
    #[arg(long, env = "WAYBILL_WEBHOOK_TIMEOUT_MS", default_value_t = 10_000, value_parser = settings::milliseconds(1..=60_000))]
    pub webhook_timeout_ms: u64,
    /// Seconds after a job's end for which its notification is tried; then it becomes a dead letter.
    #[arg(long, env = "WAYBILL_WEBHOOK_AGE_MAX_SECONDS", default_value_t = 43_200, value_parser = settings::seconds(1..=86_400))]
    pub webhook_age_max_seconds: u64,
}

impl WebhookConfig {
    /// The secrets for signatures.
    pub fn secrets(&self) -> &[WebhookSecret] {
        self.webhook_secret.as_ref().map_or(&[], WebhookSecrets::as_slice)
    }

    /// Timeout of a webhook.
    pub const fn limit(&self) -> Duration {
        Duration::from_millis(self.webhook_timeout_ms)
    }

    /// How long a notification may wait for its receiver.
    pub const fn age_max(&self) -> Duration {
        Duration::from_secs(self.webhook_age_max_seconds)
    }
}
