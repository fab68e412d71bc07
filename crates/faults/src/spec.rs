//! The grammar of a fault: `STAGE=KIND[:ARGUMENT][@RUNS]`, several separated by `;`.

use std::{fmt, str::FromStr, time::Duration};

use contract::Stage;

/// Most faults one job carries.
pub(crate) const FAULTS_MAX: usize = 8;
/// Longest latency: a minute shows any wait there is, and ends.
const LATENCY_MAX: Duration = Duration::from_mins(1);
/// Most runs that a fault names. One that acts in every run has none.
const RUNS_MAX: u32 = 16;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The run fails; spends an attempt.
    Error,
    /// The run takes longer: `latency:250` is 250 ms.
    Latency,
    /// The run does not come back.
    Hang,
    /// The handler panics.
    Panic,
    /// The process aborts at a point: `crash:after_effect`.
    Crash,
}

/// Where in a run the process can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultPoint {
    /// Nothing was done yet.
    BeforeWork,
    /// The state was moved; the next hop does not know.
    AfterEffect,
    /// The next hop was published; the message is not acked.
    AfterPublish,
    /// Everything but the ack is done.
    BeforeAck,
}

/// One fault of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Where it acts.
    pub stage: Stage,
    /// What goes wrong.
    pub kind: FaultKind,
    /// Where it fires.
    pub point: FaultPoint,
    /// For how long, where the kind is `latency`.
    pub latency: Duration,
    /// In how many runs, from the first; `None` is all.
    pub runs: Option<u32>,
}

/// What is wrong with a fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a fault is STAGE=KIND[:ARGUMENT][@RUNS], such as processor=error@2 or ingester=crash:after_effect@1: {0}"
)]
pub struct NotAFault(String);

const FAULT_POINTS: [(&str, FaultPoint); 4] = [
    ("before_work", FaultPoint::BeforeWork),
    ("after_effect", FaultPoint::AfterEffect),
    ("after_publish", FaultPoint::AfterPublish),
    ("before_ack", FaultPoint::BeforeAck),
];

pub(crate) fn parse(header: &str) -> Result<Vec<Fault>, NotAFault> {
    let faults =
        header.split(';').map(|fault| fault.trim().parse()).collect::<Result<Vec<_>, _>>()?;
    if faults.len() > FAULTS_MAX {
        return Err(NotAFault(format!("more than {FAULTS_MAX} faults")));
    }
    Ok(faults)
}

impl Fault {
    /// A processor that goes down before its work has claimed the job: the interruptions end it.
    fn is_counted_poison(&self) -> bool {
        self.stage == Stage::Processor && self.point == FaultPoint::BeforeWork
    }

    pub(crate) fn fires(&self, stage: Stage, run: u32, point: FaultPoint) -> bool {
        self.stage == stage && self.point == point && self.runs.is_none_or(|runs| run <= runs)
    }
}

impl FromStr for Fault {
    type Err = NotAFault;

    fn from_str(text: &str) -> Result<Self, NotAFault> {
        let wrong = |what: &str| NotAFault(format!("{what} in {text:?}"));
        let (stage, rest) = text.split_once('=').ok_or_else(|| wrong("no ="))?;
        let stage = contract::Stage::named(stage.trim()).ok_or_else(|| wrong("unknown stage"))?;
        let (what, runs) = match rest.split_once('@') {
            Some((what, runs)) => {
                let runs = runs.parse().ok().filter(|runs| (1..=RUNS_MAX).contains(runs));
                (what, Some(runs.ok_or_else(|| wrong("@RUNS must be @1 to @16"))?))
            }
            None => (rest, None),
        };
        let (kind, argument) =
            what.split_once(':').map_or((what, None), |(kind, argument)| (kind, Some(argument)));
        let kind = FaultKind::named(kind).ok_or_else(|| wrong("unknown kind"))?;
        let mut fault =
            Self { stage, kind, point: FaultPoint::BeforeWork, latency: Duration::ZERO, runs };
        match (kind, argument) {
            (FaultKind::Crash, Some(at)) => {
                fault.point = named(&FAULT_POINTS, at).ok_or_else(|| wrong("unknown point"))?;
            }
            (FaultKind::Latency, Some(ms)) => {
                let ms = ms.parse().map_err(|_| wrong("latency is no number of milliseconds"))?;
                fault.latency = Duration::from_millis(ms);
                if fault.latency > LATENCY_MAX {
                    return Err(wrong("latency must be at most 60000 milliseconds"));
                }
            }
            (FaultKind::Latency, None) => return Err(wrong("latency needs milliseconds")),
            (_, Some(_)) => return Err(wrong("unexpected argument")),
            (_, None) => {}
        }
        if fault.kind == FaultKind::Crash && fault.runs.is_none() && !fault.is_counted_poison() {
            return Err(wrong("a crash that nothing ends: add @RUNS"));
        }
        Ok(fault)
    }
}

fn named<T: Copy>(table: &[(&str, T)], name: &str) -> Option<T> {
    table.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

impl FaultKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Error, Self::Latency, Self::Hang, Self::Panic, Self::Crash];

    /// The name of the kind in headers and labels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Latency => "latency",
            Self::Hang => "hang",
            Self::Panic => "panic",
            Self::Crash => "crash",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}={}", self.stage, self.kind)?;
        if self.kind == FaultKind::Crash {
            let at =
                FAULT_POINTS.iter().find(|(_, at)| *at == self.point).map_or("", |(name, _)| *name);
            write!(out, ":{at}")?;
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
    fn the_kinds_are_the_values_of_the_label() {
        assert_eq!(FaultKind::ALL.map(FaultKind::name), contract::signals::FAULTS);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
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
    fn a_fault_acts_in_its_first_runs_at_its_stage_only() {
        let fault: Fault = "processor=error@2".parse().unwrap();
        let fires = |stage, run| fault.fires(stage, run, FaultPoint::BeforeWork);
        assert!(fires(Stage::Processor, 1) && fires(Stage::Processor, 2));
        assert!(!fires(Stage::Processor, 3) && !fires(Stage::Ingester, 1));
    }
}
