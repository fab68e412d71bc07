//! Prepared jobs.

use contract::{
    job::JobSpec,
    operation::{Add, Divide, Hash, Multiply, Operation, Primes, Render, Wait},
};

use client::JobRequest;

/// A prepared job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Preset {
    /// One addition
    Single,
    /// Five different operations
    Multiple,
    /// A division by zero: the job fails as specified
    Error,
    /// A wait of eight seconds, with progress
    Long,
    /// The processor fails twice before it succeeds
    Flaky,
}

impl Preset {
    const fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Multiple => "multiple",
            Self::Error => "error",
            Self::Long => "long",
            Self::Flaky => "flaky",
        }
    }

    fn operations(self) -> Vec<Operation> {
        match self {
            Self::Single | Self::Flaky => vec![Add { inputs: vec![19.0, 23.0] }.into()],
            Self::Multiple => vec![
                Add { inputs: vec![1.0, 2.0, 3.0] }.into(),
                Multiply { inputs: vec![6.0, 7.0] }.into(),
                Hash { text: "waybill".to_owned(), rounds: 2_000 }.into(),
                Primes { below: 100_000 }.into(),
                Render { width: 160, height: 120, center: [-0.5, 0.0], zoom: 1.0 }.into(),
            ],
            Self::Error => vec![Divide { inputs: vec![1.0, 0.0] }.into()],
            Self::Long => vec![Wait { seconds: 8.0 }.into()],
        }
    }

    /// The job.
    pub(crate) fn spec(self) -> JobSpec {
        JobSpec {
            name: self.name().to_owned(),
            operations: self.operations(),
            notify: None,
            deadline_seconds: None,
            attempts_max: None,
        }
    }

    /// The faults that belong to it.
    pub(crate) fn fault(self) -> Option<String> {
        (self == Self::Flaky).then(|| "processor=error@2".to_owned())
    }

    /// The job as a request.
    pub(crate) fn request(self) -> JobRequest {
        let body = serde_json::to_value(self.spec()).expect("finite numbers and texts are JSON");
        JobRequest { fault: self.fault(), ..JobRequest::new(body) }
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_preset_is_a_valid_job() {
        for preset in Preset::value_variants() {
            preset.spec().check().unwrap();
            assert!(preset.request().body["operations"][0]["kind"].is_string());
        }
    }

    #[test]
    fn the_fault_of_a_flaky_job_leaves_it_an_attempt() {
        let fault = Preset::Flaky.fault().unwrap();
        let runs: u32 = fault.rsplit('@').next().unwrap().parse().unwrap();
        assert!(runs < contract::job::ATTEMPTS_DEFAULT);
    }
}
