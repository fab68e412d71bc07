//! The names of the lab's processes, as users type them and logs show them.

use std::{fmt, str::FromStr};

/// One process of the lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// The broker.
    Nats,
    /// Receives telemetry and shows it.
    Console,
    /// Accepts jobs over HTTP.
    Gateway,
    /// Checks, filters and enriches.
    Ingester,
    /// Runs the operations. Counted from 1, as a lab may have several.
    Processor(u16),
    /// Notifies the submitter.
    Notifier,
}

impl Part {
    /// The sub-command of `waybill` that runs it; `nats-server` for the broker.
    pub const fn command(self) -> &'static str {
        match self {
            Self::Nats => "nats-server",
            Self::Console => "console",
            Self::Gateway => "gateway",
            Self::Ingester => "ingester",
            Self::Processor(_) => "processor",
            Self::Notifier => "notifier",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nats => out.pad("nats"),
            Self::Processor(n) if *n > 1 => out.pad(&format!("processor-{n}")),
            other => out.pad(other.command()),
        }
    }
}

/// The text is not the name of a part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no part of the lab: nats, console, gateway, ingester, processor, processor-2 …, notifier"
)]
pub struct NotAPart(String);

impl FromStr for Part {
    type Err = NotAPart;

    fn from_str(text: &str) -> Result<Self, NotAPart> {
        match text {
            "nats" => Ok(Self::Nats),
            "console" => Ok(Self::Console),
            "gateway" => Ok(Self::Gateway),
            "ingester" => Ok(Self::Ingester),
            "processor" => Ok(Self::Processor(1)),
            "notifier" => Ok(Self::Notifier),
            _ => text
                .strip_prefix("processor-")
                .and_then(|n| n.parse().ok())
                .filter(|n| *n > 1)
                .map(Self::Processor)
                .ok_or_else(|| NotAPart(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_found_by_the_name_it_shows() {
        let parts = [
            Part::Nats,
            Part::Console,
            Part::Gateway,
            Part::Ingester,
            Part::Processor(1),
            Part::Processor(2),
            Part::Notifier,
        ];
        for part in parts {
            assert_eq!(part.to_string().parse(), Ok(part));
        }
        assert_eq!("processor-1".parse::<Part>(), Err(NotAPart("processor-1".into())));
    }
}
