//! The four stages a job goes through, which are also the names of the services.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One of the four services that hand jobs to each other, in the order of a job's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Takes jobs over HTTP.
    Gateway,
    /// Checks, filters and enriches.
    Ingester,
    /// Runs the operations.
    Processor,
    /// Tells the owner.
    Notifier,
}

impl Stage {
    /// All stages, in the order of a job's way.
    pub const ALL: [Self; 4] = [Self::Gateway, Self::Ingester, Self::Processor, Self::Notifier];

    /// The stage as it stands in `service.name`, subjects, consumers and metric labels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Ingester => "ingester",
            Self::Processor => "processor",
            Self::Notifier => "notifier",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}
