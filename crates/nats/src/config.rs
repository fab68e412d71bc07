//! Settings of the connection.

use std::path::PathBuf;

use anyhow::Context as _;

use crate::health_page;

/// How a service reaches the broker.
#[derive(Debug, Clone, clap::Args)]
pub struct NatsConfig {
    /// Address of the broker.
    #[arg(long, env = "WAYBILL_NATS_URL", value_name = "URL", value_parser = settings::broker_url, default_value = "nats://127.0.0.1:4222")]
    pub nats_url: String,
    /// User name at the broker, if it requires one.
    #[arg(long, env = "WAYBILL_NATS_USER", value_parser = settings::trimmed, requires = "nats_secret")]
    pub nats_user: Option<String>,
    /// NATS password.
    #[arg(long, env = "WAYBILL_NATS_PASSWORD", hide_env_values = true, value_parser = settings::trimmed, group = "nats_secret")]
    pub nats_password: Option<String>,
    /// File that contains the NATS password (for example a mounted secret); surrounding white space is trimmed.
    #[arg(long, env = "WAYBILL_NATS_PASSWORD_FILE", value_name = "FILE", group = "nats_secret")]
    pub nats_password_file: Option<PathBuf>,
    /// Health page of the broker (/healthz), or a copy of it (file:///…): shows whether the broker's disk is full.
    #[arg(long, env = "WAYBILL_NATS_HEALTH_URL", value_name = "URL", hide_env_values = true, value_parser = health_page::address)]
    pub nats_health_url: Option<String>,
    /// Seconds to wait at start for the broker and its streams.
    #[arg(long, env = "WAYBILL_BROKER_WAIT_SECONDS", value_name = "S", default_value_t = 600, value_parser = settings::seconds(0..=86_400))]
    pub broker_wait_seconds: u64,
}

impl NatsConfig {
    /// The address without user and password, fit for the log.
    pub fn public_url(&self) -> &str {
        self.nats_url.rsplit('@').next().unwrap_or_default()
    }

    /// The password, from the setting or its file. Fails if the file cannot be read.
    pub(crate) fn password(&self) -> anyhow::Result<Option<String>> {
        let Some(file) = &self.nats_password_file else {
            return Ok(self.nats_password.clone());
        };
        let text = std::fs::read_to_string(file).with_context(|| {
            format!(
                "cannot read {} (--nats-password-file): does it exist, and may this user read it?",
                file.display()
            )
        })?;
        Ok(Some(text.trim().to_owned()))
    }
}
