//! Parsing of fault headers: `STAGE=KIND[:ARGUMENT][@RUNS]`, several separated by `;`.

use std::{fmt, str::FromStr, time::Duration};

use contract::Stage;

/// Maximum number of faults of one job.
pub(crate) const FAULTS_MAX: usize = 8;
/// Longest latency.
const LATENCY_MAX: Duration = Duration::from_mins(1);
/// Largest number of runs. A fault without a number takes effect in every run.
const RUNS_MAX: u32 = 16;

/// What a fault does.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantNames,
)]
#[strum(serialize_all = "snake_case")]
pub enum FaultKind {
    /// The run fails, which spends an attempt.
    Error,
    /// The run takes longer: `latency:250` is 250 ms.
    Latency,
    /// The run hangs.
    Hang,
    /// The handler panics.
    Panic,
    /// The process aborts at a fault point: `crash:after_effect`.
    Crash,
}

/// Where in a run a fault fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum FaultPoint {
    /// Before the handler.
    BeforeWork,
    /// The record was updated; the next hop was not published.
    AfterEffect,
    /// The next hop was published; the message is not acked.
    AfterPublish,
    /// Everything but the ack was done.
    BeforeAck,
}

/// One fault of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Stage in which the fault fires.
    pub stage: Stage,
    /// What the fault does.
    pub kind: FaultKind,
    /// Where in a run the fault fires.
    pub point: FaultPoint,
    /// Delay of the kind `latency`.
    pub latency: Duration,
    /// Takes effect in this many runs, from the first; `None`: in all.
    pub runs: Option<u32>,
}

/// The text is not a fault; says why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a fault is STAGE=KIND[:ARGUMENT][@RUNS], such as processor=error@2 or ingester=crash:after_effect@1: {0}"
)]
pub struct InvalidFault(String);

pub(crate) fn parse(header: &str) -> Result<Vec<Fault>, InvalidFault> {
    let faults =
        header.split(';').map(|fault| fault.trim().parse()).collect::<Result<Vec<_>, _>>()?;
    if faults.len() > FAULTS_MAX {
        return Err(InvalidFault(format!("more than {FAULTS_MAX} faults")));
    }
    Ok(faults)
}

impl Fault {
    /// Whether the crash is bounded without a number of runs: a processor that crashes before the handler counts an
    /// interruption each time, and too many of them dead-letter the job.
    fn ends_by_interruptions(&self) -> bool {
        self.stage == Stage::Processor && self.point == FaultPoint::BeforeWork
    }

    pub(crate) fn fires(&self, stage: Stage, run: u32, point: FaultPoint) -> bool {
        self.stage == stage && self.point == point && self.runs.is_none_or(|runs| run <= runs)
    }
}

impl FromStr for Fault {
    type Err = InvalidFault;

    fn from_str(text: &str) -> Result<Self, InvalidFault> {
        let wrong = |what: &str| InvalidFault(format!("{what} in {text:?}"));
        let (stage, rest) = text.split_once('=').ok_or_else(|| wrong("no ="))?;
        let stage = contract::Stage::named(stage.trim()).ok_or_else(|| wrong("unknown stage"))?;
        let (kind, runs) = match rest.split_once('@') {
            Some((kind, runs)) => {
                let runs = runs.parse().ok().filter(|runs| (1..=RUNS_MAX).contains(runs));
                (kind, Some(runs.ok_or_else(|| wrong("@RUNS must be @1 to @16"))?))
            }
            None => (rest, None),
        };
        let (kind, argument) =
            kind.split_once(':').map_or((kind, None), |(kind, argument)| (kind, Some(argument)));
        let kind = kind.parse().map_err(|_| wrong("unknown kind"))?;
        let mut fault =
            Self { stage, kind, point: FaultPoint::BeforeWork, latency: Duration::ZERO, runs };
        match (kind, argument) {
            (FaultKind::Crash, Some(at)) => {
                fault.point = at.parse().map_err(|_| wrong("unknown point"))?;
            }
            (FaultKind::Latency, Some(ms)) => {
                let ms =
                    ms.parse().map_err(|_| wrong("latency must be a number of milliseconds"))?;
                fault.latency = Duration::from_millis(ms);
                if fault.latency > LATENCY_MAX {
                    return Err(wrong("latency must be at most 60000 milliseconds"));
                }
            }
            (FaultKind::Latency, None) => return Err(wrong("latency needs milliseconds")),
            (_, Some(_)) => return Err(wrong("unexpected argument")),
            (_, None) => {}
        }
        if fault.kind == FaultKind::Crash && fault.runs.is_none() && !fault.ends_by_interruptions()
        {
            return Err(wrong("an unlimited crash: add @RUNS"));
        }
        Ok(fault)
    }
}

impl FaultKind {
    /// The name of the kind in headers and labels.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}={}", self.stage, self.kind)?;
        if self.kind == FaultKind::Crash {
            write!(out, ":{}", self.point)?;
        }
        if self.kind == FaultKind::Latency {
            write!(out, ":{}", self.latency.as_millis())?;
        }
        self.runs.map_or(Ok(()), |runs| write!(out, "@{runs}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_reads_back_as_it_was_written() {
        for text in [
            "processor=error@2",
            "ingester=crash:after_effect@1",
            "notifier=latency:250",
            "processor=hang",
            "processor=crash:before_work",
        ] {
            assert_eq!(text.parse::<Fault>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn fault_kind_names_equal_the_metric_label_values() {
        assert_eq!(<FaultKind as strum::VariantNames>::VARIANTS, contract::signals::FAULTS);
    }

    #[test]
    fn invalid_faults_are_refused() {
        for text in [
            "",
            "processor",
            "mailer=error",
            "processor=fly",
            "processor=error@x",
            "processor=crash:lunch",
            "processor=latency",
            "notifier=crash",
            "processor=crash:before_ack",
            "processor=error:3",
            "ingester=crash:before_work@0",
            "ingester=crash:before_work@17",
            "ingester=crash:before_work@4294967295",
            "processor=error@4294967296",
            "notifier=latency:60001",
        ] {
            assert!(text.parse::<Fault>().is_err(), "{text}");
        }
        assert!(parse(&["processor=error"; 9].join(";")).is_err());
    }

    #[test]
    fn a_fault_fires_in_its_first_runs_and_only_at_its_stage() {
        let fault: Fault = "processor=error@2".parse().unwrap();
        let fires = |stage, run| fault.fires(stage, run, FaultPoint::BeforeWork);
        assert!(fires(Stage::Processor, 1) && fires(Stage::Processor, 2));
        assert!(!fires(Stage::Processor, 3) && !fires(Stage::Ingester, 1));
    }
}
