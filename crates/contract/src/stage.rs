//! The four stages of a job, which are also the names of the services.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One of the four services that handle a job, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Accepts jobs over HTTP.
    Gateway,
    /// Checks, filters and enriches.
    Ingester,
    /// Runs the operations.
    Processor,
    /// Notifies the submitter.
    Notifier,
}

impl Stage {
    /// All stages, in the order in which a job passes them.
    pub const ALL: [Self; 4] = [Self::Gateway, Self::Ingester, Self::Processor, Self::Notifier];

    /// The stage called `name`, so that names from outside never become labels.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.name() == name)
    }

    /// The stage's name in `service.name`, subjects, consumers and metric labels.
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
