//! The parts of the lab and their names.

use std::{fmt, str::FromStr};

/// A process of the lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// The broker (nats-server).
    Nats,
    /// The console.
    Console,
    /// The gateway.
    Gateway,
    /// The ingester.
    Ingester,
    /// A processor, by number from 1.
    Processor(u16),
    /// The notifier.
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

/// The string is not the name of a part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown part `{0}`; expected nats, console, gateway, ingester, processor, processor-2 …, or notifier"
)]
pub struct UnknownPart(String);

impl FromStr for Part {
    type Err = UnknownPart;

    fn from_str(text: &str) -> Result<Self, UnknownPart> {
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
                .ok_or_else(|| UnknownPart(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_displayed_part_can_be_parsed_again() {
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
        assert_eq!("processor-1".parse::<Part>(), Err(UnknownPart("processor-1".into())));
    }
}
