//! What can be set about a process's clock.

use settings::Switch;
use telemetry::Metrics;

use super::{Clock, Skew};
use crate::ntp::{Pace, TimeServer, Watch};

/// Whose time a process stamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum TimeSource {
    /// Its own clock's, as it is.
    System,
    /// Its own clock's, corrected by what the time server says.
    Ntp,
}

impl TimeSource {
    /// As it is written in settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Ntp => "ntp",
        }
    }
}

/// Which time is stamped on spans, events, logs and jobs. Nothing is decided by it.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Clock")]
pub struct ClockConfig {
    /// Whose time is stamped: this process's own clock, or that clock corrected by the time server.
    #[arg(
        long,
        env = "WAYBILL_CLOCK",
        value_name = "system|ntp",
        default_value = "system",
        value_parser = settings::word::<TimeSource>,
        requires_if("ntp", "ntp_server")
    )]
    pub clock: TimeSource,

    /// Time server to measure this process's clock against, such as ntp:123. It is asked every few
    /// seconds whenever it is set; only `--clock ntp` corrects by its answers.
    #[arg(long, env = "WAYBILL_NTP_SERVER", value_name = "HOST:PORT")]
    pub ntp_server: Option<TimeServer>,

    /// Makes this process's clock wrong from the start, such as +5s or -90s. Acts only with faults on.
    #[arg(
        long,
        env = "WAYBILL_CLOCK_SKEW",
        value_name = "SKEW",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    pub clock_skew: Skew,

    /// The same variable as the services' own `--faults`, which is not at hand here.
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
    /// Bends `clock` as asked, and has it measured from now on if there is a time server. Returns at
    /// once: a time server that is away holds up nothing. Call it inside a tokio runtime, when logs
    /// are on; dropping the watch ends it.
    pub fn start(self, clock: &Clock, metrics: &Metrics) -> Option<Watch> {
        self.bend(clock);
        let server = self.ntp_server?;
        Some(Watch::start(server, self.clock, clock.clone(), metrics.clone(), Pace::default()))
    }

    fn bend(&self, clock: &Clock) {
        let skew = self.clock_skew;
        if skew == Skew::default() {
            return;
        }
        match self.faults {
            Switch::On => {
                tracing::warn!(%skew, "this clock is wrong on purpose");
                clock.bend(skew.duration());
            }
            Switch::Off => tracing::warn!(
                %skew,
                "WAYBILL_CLOCK_SKEW does nothing: faults are off here; set WAYBILL_FAULTS=on"
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
        assert!(watch.is_none(), "no server, nothing to watch");
        clock.off_by()
    }

    #[test]
    fn a_clock_is_bent_from_the_start_and_only_with_faults_on() {
        assert_eq!(off_by(&["--clock-skew", "-90s"]), Duration::ZERO);
        let on = ["--clock-skew", "-90s", "--clock-faults", "on"];
        assert_eq!(off_by(&on), Duration::seconds(-90));
    }

    #[test]
    fn a_clock_cannot_be_corrected_by_nobody() {
        let refused = config(&["--clock", "ntp"]).unwrap_err();
        assert!(refused.contains("--ntp-server <HOST:PORT>"), "{refused}");
        let config = config(&["--clock", "ntp", "--ntp-server", "ntp:123"]).unwrap();
        assert_eq!(config.clock, TimeSource::Ntp);
    }
}
