//! The jobs that the searches must find, each with a different outcome.

use std::time::Duration;

use contract::{api::JobAccepted, signals::attr::VERDICT, state::JobState};
use serde_json::{Value, json};
use testkit::eventually;
use trace::Trace;

use crate::Client;

/// Timeout of each job and of its telemetry; one of them is taken over after an ack wait.
const LIMIT: Duration = Duration::from_mins(1);
/// Duration of the successful run of [`SearchedJobs::lost`], far longer than any other job.
pub(super) const LOST_SECONDS: u32 = 4;

/// SearchedJobs that have ended, and whose spans and log lines have arrived.
pub struct SearchedJobs {
    /// An addition that succeeded and notified [`SearchedJobs::HOOK`].
    pub sum: JobAccepted,
    /// A hash that failed twice and was dead-lettered.
    pub dead: JobAccepted,
    /// A job whose worker crashed before the work; the next worker completed it.
    pub lost: JobAccepted,
    /// A job whose worker crashed after the work: its unexported spans are marked as lost.
    pub marked: JobAccepted,
}

impl SearchedJobs {
    /// Name of the webhook inbox in the console.
    pub const HOOK: &str = "searches";

    /// Runs the jobs. `console` is the URL of the console for the notifier.
    pub async fn run(client: &Client, console: &str) -> Self {
        // One after the other, crashes first: a crash would mark the unsent spans of another job as lost, and discard
        // what was counted since the last scrape.
        let marked = job("marked", &json!({"kind": "primes", "below": 1_000}));
        let fault = Some("processor=crash:after_effect@1");
        let marked = ended(client, &marked, fault, JobState::Succeeded, &["done"]).await;
        let lost = job("lost", &json!({"kind": "wait", "seconds": LOST_SECONDS}));
        let fault = Some("processor=crash:before_work@1");
        let lost = ended(client, &lost, fault, JobState::Succeeded, &["lost", "done"]).await;
        let mut dead = job("dead", &json!({"kind": "hash", "text": "waybill", "rounds": 1}));
        dead["attempts_max"] = json!(2);
        let fault = Some("processor=error@9");
        let dead = ended(client, &dead, fault, JobState::Dead, &["retry", "dead"]).await;
        let mut sum = job("sum", &json!({"kind": "add", "inputs": [1, 2]}));
        let url = format!("{console}/hooks/{}", Self::HOOK);
        sum["notify"] = json!({"channel": "webhook", "url": url});
        let sum = ended(client, &sum, None, JobState::Succeeded, &["done"]).await;
        Self { sum, dead, lost, marked }
    }
}

fn job(name: &str, operation: &Value) -> Value {
    json!({"name": name, "operations": [operation]})
}

/// Runs a job, and waits until its trace is complete and its log lines have arrived.
async fn ended(
    client: &Client,
    job: &Value,
    fault: Option<&str>,
    end: JobState,
    verdicts: &[&str],
) -> JobAccepted {
    let fault: Vec<_> = fault.map(|fault| ("waybill-fault", fault)).into_iter().collect();
    let accepted = client.submit_with(job, &fault).await;
    let ended = client.ended(accepted.id, LIMIT).await;
    assert_eq!(ended.state, end, "{ended:?}");
    let wanted = |trace: &Trace| {
        let is_notified =
            trace.spans.iter().any(|span| span.name.starts_with("process jobs.done."));
        let runs = trace.spans.iter().filter(|span| span.name.starts_with("process jobs.todo."));
        let runs: Vec<_> = runs.filter_map(|run| run.attribute(VERDICT)).collect();
        if is_notified && runs == verdicts { Ok(()) } else { Err(runs) }
    };
    client.whole_trace_where(&accepted.trace_id, LIMIT, wanted).await;
    eventually(LIMIT, "the notifier's log line", async || {
        let lines = client.log_lines(&accepted.trace_id).await?;
        lines.iter().any(|service| service == "notifier").then_some(())
    })
    .await;
    accepted
}
