//! Settings of a process's clock.

use settings::Switch;
use telemetry::Metrics;

use super::{Clock, Skew};
use crate::ntp::{ClockWatch, NtpTiming, TimeServer};

/// The clock that a process uses for timestamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum TimeSource {
    /// Its own clock, uncorrected.
    System,
    /// Its own clock, corrected by the time server.
    Ntp,
}

impl TimeSource {
    /// The name in settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Ntp => "ntp",
        }
    }
}

/// The clock for timestamps of spans, events, logs and jobs. No decision depends on it.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Clock")]
pub struct ClockConfig {
    /// Clock for timestamps: `system`: the machine's clock; `ntp`: that clock plus the offset measured by NTP.
    #[arg(
        long,
        env = "WAYBILL_CLOCK",
        value_name = "system|ntp",
        default_value = "system",
        value_parser = settings::word::<TimeSource>,
        requires_if("ntp", "ntp_server")
    )]
    pub clock: TimeSource,

    /// Time server to measure this process's clock against, such as ntp:123. It is queried every few seconds; only
    /// `--clock ntp` corrects the clock by it.
    #[arg(long, env = "WAYBILL_NTP_SERVER", value_name = "HOST:PORT")]
    pub ntp_server: Option<TimeServer>,

    /// Skew of this process's clock from the start, such as +5s or -90s. Takes effect only with faults on.
    #[arg(
        long,
        env = "WAYBILL_CLOCK_SKEW",
        value_name = "SKEW",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    pub clock_skew: Skew,

    /// The same variable as the services' `--faults`, which is not accessible here.
    #[arg(
        id = "clock-faults",
        long = "clock-faults",
        env = "WAYBILL_FAULTS",
        default_value = "off",
        hide = true
    )]
    faults: Switch,
}

impl ClockConfig {
    /// Skews `clock` as configured, and starts to measure it if there is a time server. Does not wait for the server.
    /// Call it inside a tokio runtime, after logging has started; dropping the watch ends it.
    pub fn start(self, clock: &Clock, metrics: &Metrics) -> Option<ClockWatch> {
        self.skew(clock);
        let server = self.ntp_server?;
        Some(ClockWatch::start(
            server,
            self.clock,
            clock.clone(),
            metrics.clone(),
            NtpTiming::default(),
        ))
    }

    fn skew(&self, clock: &Clock) {
        let skew = self.clock_skew;
        if skew == Skew::default() {
            return;
        }
        match self.faults {
            Switch::On => {
                tracing::warn!(%skew, "clock skewed on purpose");
                clock.skew(skew.duration());
            }
            Switch::Off => tracing::warn!(
                %skew,
                "WAYBILL_CLOCK_SKEW ignored: faults are off; set WAYBILL_FAULTS=on"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use contract::signals::METRICS;
    use time::Duration;

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        clock: ClockConfig,
    }

    fn config(flags: &[&str]) -> Result<ClockConfig, String> {
        let flags = Flags::try_parse_from([&["test"], flags].concat());
        flags.map(|flags| flags.clock).map_err(|error| error.to_string())
    }

    fn off_by(flags: &[&str]) -> Duration {
        let clock = Clock::new();
        let metrics = Metrics::new(METRICS, None, clock.offset());
        let watch = config(flags).unwrap().start(&clock, &metrics);
        assert!(watch.is_none(), "no server is configured");
        clock.off_by()
    }

    #[test]
    fn a_clock_is_skewed_from_the_start_and_only_with_faults_on() {
        assert_eq!(off_by(&["--clock-skew", "-90s"]), Duration::ZERO);
        let on = ["--clock-skew", "-90s", "--clock-faults", "on"];
        assert_eq!(off_by(&on), Duration::seconds(-90));
    }

    #[test]
    fn a_correction_requires_a_time_server() {
        let refused = config(&["--clock", "ntp"]).unwrap_err();
        assert!(refused.contains("--ntp-server <HOST:PORT>"), "{refused}");
        let config = config(&["--clock", "ntp", "--ntp-server", "ntp:123"]).unwrap();
        assert_eq!(config.clock, TimeSource::Ntp);
    }
}
