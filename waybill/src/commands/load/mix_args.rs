//! The flags that select what is sent.

use contract::job::Notify;

use crate::{
    exit::UsageError,
    load::mix::{KindWeights, Mix, Share},
};

/// The mix of jobs and events.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Mix")]
pub(super) struct MixArgs {
    /// Kinds of jobs and their weights, such as add=5,primes=1; also mixed (several operations) and
    /// fail (a division by zero) [default: small jobs of every kind]
    #[arg(long, value_name = "KIND=WEIGHT,…")]
    kinds: Option<KindWeights>,
    /// Share of malformed raw events, whose data is not a valid job, such as 0.05 or 5%
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = share)]
    malformed: Share,
    /// Share of raw events from a source that the ingester does not allow
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = share)]
    foreign: Share,
    /// Fault to inject into jobs, such as processor=error@1
    #[arg(long, value_name = "STAGE=KIND[:ARG][@RUNS]")]
    fault: Option<String>,
    /// Share of the jobs that get the fault
    #[arg(long, value_name = "SHARE", default_value = "1", requires = "fault", value_parser = share)]
    fault_share: Share,
    /// Notification of completed jobs: log, none, or webhook:URL
    #[arg(long, value_name = "log|none|webhook:URL", default_value = "none", value_parser = notify)]
    notify: NotifyOrNot,
}

/// The notification to request, if any.
#[derive(Debug, Clone)]
struct NotifyOrNot(Option<Notify>);

impl MixArgs {
    /// The mix that these flags describe.
    pub(super) fn mix(self) -> Result<Mix, UsageError> {
        if self.malformed.part() + self.foreign.part() > 1.0 {
            let why = "--malformed and --foreign must add up to at most 1 (100%)";
            return Err(UsageError(why.to_owned()));
        }
        Ok(Mix {
            kinds: self.kinds.unwrap_or_default(),
            malformed: self.malformed,
            foreign: self.foreign,
            fault: self.fault.map(|fault| (fault, self.fault_share)),
            notify: self.notify.0,
        })
    }
}

/// Reads `0.05` or `5%`.
fn share(text: &str) -> Result<Share, String> {
    let part = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse().map(|percent: f64| percent / 100.0),
        None => text.parse(),
    };
    let share = part.ok().and_then(Share::new);
    share.ok_or_else(|| "must be 0 to 1, or 0% to 100%".to_owned())
}

fn notify(text: &str) -> Result<NotifyOrNot, String> {
    let notify = match (text, text.strip_prefix("webhook:")) {
        ("none", _) => None,
        ("log", _) => Some(Notify::Log),
        (_, Some(url)) if !url.is_empty() => {
            Some(Notify::Webhook { url: url.to_owned(), on: None })
        }
        _ => return Err("must be log, none, or webhook:URL".to_owned()),
    };
    Ok(NotifyOrNot(notify))
}
