//! What a load consists of: kinds of jobs by weight, and shares of invalid events and faults.

use std::{fmt, str::FromStr};

use contract::{job::Notify, operation::OperationKind};

/// Highest weight of one kind.
const WEIGHT_MAX: u32 = 1_000_000;
/// Name of a job of several operations.
const MIXED: &str = "mixed";
/// Name of a job that fails as specified.
const FAIL: &str = "fail";

/// What is sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Mix {
    /// The jobs.
    pub kinds: KindWeights,
    /// Share of events from an allowed source whose data is not a valid job.
    pub malformed: Share,
    /// Share of events from a source that is not allowed.
    pub foreign: Share,
    /// A fault for a part of the jobs, in the grammar of the `waybill-fault` header.
    pub fault: Option<(String, Share)>,
    /// The notification that the jobs request.
    pub notify: Option<Notify>,
}

impl Default for Mix {
    fn default() -> Self {
        Self {
            kinds: KindWeights::default(),
            malformed: Share::NONE,
            foreign: Share::NONE,
            fault: None,
            notify: None,
        }
    }
}

/// A part of a whole, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share(f64);

impl Share {
    /// 0 %.
    pub const NONE: Self = Self(0.0);
    /// 100 %.
    pub const ALL: Self = Self(1.0);

    /// A share of 0 to 1.
    pub fn new(part: f64) -> Option<Self> {
        (0.0..=1.0).contains(&part).then_some(Self(part))
    }

    /// The part as a number, 0 to 1.
    pub const fn part(self) -> f64 {
        self.0
    }
}

/// One kind of job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MixKind {
    /// One operation of this kind.
    Operation(OperationKind),
    /// Two to five operations of any kind.
    Mixed,
    /// A division by zero: the job fails as specified.
    Fail,
}

impl MixKind {
    /// Every kind there is.
    pub fn all() -> impl Iterator<Item = Self> {
        OperationKind::ALL.into_iter().map(Self::Operation).chain([Self::Mixed, Self::Fail])
    }

    /// How it is written on a command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operation(kind) => kind.name(),
            Self::Mixed => MIXED,
            Self::Fail => FAIL,
        }
    }
}

/// Kinds of jobs, each with a weight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindWeights(Vec<(MixKind, u32)>);

impl KindWeights {
    /// The kinds and their weights; at least one weight is above 0.
    pub fn weights(&self) -> &[(MixKind, u32)] {
        &self.0
    }

    /// Only jobs of this kind.
    pub fn only(work: MixKind) -> Self {
        Self(vec![(work, 1)])
    }
}

/// Small jobs of every kind, by the weights of the kinds; about one in forty fails as specified.
impl Default for KindWeights {
    fn default() -> Self {
        let operations =
            OperationKind::ALL.map(|kind| (MixKind::Operation(kind), kind.load_weight()));
        Self(operations.into_iter().chain([(MixKind::Mixed, 7), (MixKind::Fail, 1)]).collect())
    }
}

/// Why kinds are invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}; write kinds as add=5,primes=1")]
pub struct InvalidKindWeights(String);

impl FromStr for KindWeights {
    type Err = InvalidKindWeights;

    /// Reads `add=5,primes=1`; a kind without a weight has weight 1.
    fn from_str(text: &str) -> Result<Self, InvalidKindWeights> {
        let mut kinds: Vec<(MixKind, u32)> = Vec::new();
        for entry in text.split(',') {
            let (name, weight) = entry.split_once('=').unwrap_or((entry, "1"));
            let work = MixKind::all().find(|work| work.name() == name.trim()).ok_or_else(|| {
                let names: Vec<&str> = MixKind::all().map(MixKind::name).collect();
                InvalidKindWeights(format!(
                    "unknown kind `{name}`: must be one of {}",
                    names.join(", ")
                ))
            })?;
            let weight = weight.trim().parse().ok().filter(|weight| *weight <= WEIGHT_MAX);
            let weight = weight.ok_or_else(|| {
                InvalidKindWeights(format!("the weight of {name} must be 0 to {WEIGHT_MAX}"))
            })?;
            if kinds.iter().any(|(known, _)| *known == work) {
                return Err(InvalidKindWeights(format!("{name} is given twice")));
            }
            kinds.push((work, weight));
        }
        if kinds.iter().all(|(_, weight)| *weight == 0) {
            return Err(InvalidKindWeights("at least one weight must be above 0".to_owned()));
        }
        Ok(Self(kinds))
    }
}

impl fmt::Display for KindWeights {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (work, weight)) in self.0.iter().enumerate() {
            write!(out, "{}{}={weight}", if n > 0 { "," } else { "" }, work.name())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_round_trip() {
        for kinds in [
            KindWeights::default(),
            "add=5,primes".parse().unwrap(),
            KindWeights::only(MixKind::Fail),
        ] {
            assert_eq!(kinds.to_string().parse(), Ok(kinds));
        }
    }

    #[test]
    fn every_kind_of_job_is_in_the_default_mix() {
        let kinds = KindWeights::default();
        assert!(MixKind::all().eq(kinds.weights().iter().map(|(work, _)| *work)));
    }

    #[test]
    fn errors_show_how_kinds_are_written() {
        let wrong = [
            ("fly", "one of add, "),
            ("add=x", "weight of add must be"),
            ("add,add", "add is given twice"),
            ("add=0", "above 0"),
            ("", "unknown kind"),
        ];
        for (text, expected) in wrong {
            let error = text.parse::<KindWeights>().unwrap_err().to_string();
            assert!(
                error.contains(expected) && error.contains("add=5,primes=1"),
                "{text}: {error}"
            );
        }
    }
}
