//! The jobs that the searches must find, each with another outcome.

use std::time::Duration;

use contract::{api::JobAccepted, signals::attr::VERDICT, state::JobState};
use serde_json::{Value, json};
use testkit::eventually;
use trace::Trace;

use crate::Client;

/// How long each may take, and its telemetry: one of them waits for an ack wait.
const LIMIT: Duration = Duration::from_mins(1);
/// The run of [`Jobs::lost`] that succeeds, in seconds: no other job comes near it.
pub(super) const LOST_SECONDS: u32 = 4;

/// Jobs that have ended, and whose spans and log lines have arrived.
pub struct Jobs {
    /// An addition that succeeded and notified [`Jobs::HOOK`].
    pub sum: JobAccepted,
    /// A hash that failed twice and lies in the dead letters.
    pub dead: JobAccepted,
    /// One whose worker crashed before the work; the next one ran it to its end.
    pub lost: JobAccepted,
    /// One whose worker crashed after the work: only the mark of a lost span shows what it had started and not exported.
    pub marked: JobAccepted,
}

impl Jobs {
    /// The name under which the console catches the webhook.
    pub const HOOK: &str = "searches";

    /// Runs them. `console` is the console's address as the notifier reaches it.
    pub async fn run(client: &Client, console: &str) -> Self {
        // Each has arrived before the next begins, and the crashes come first: what another job had not sent yet would be
        // marked as lost, too, and what was counted since the last scrape would be gone.
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

/// Runs one, and waits until its trace is whole and its log lines are there: what is not found then, is not there.
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
