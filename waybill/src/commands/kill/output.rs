//! The output of `waybill kill`: what was killed, and what happens next.

use std::{fmt::Write as _, time::Duration};

use contract::{api::JobView, lease, topology::ACK_WAIT};
use lab::Part;

use crate::terminal::{BOLD, DIM, clean, styled};

/// Most jobs listed; the others are counted.
const JOBS_NAMED_MAX: usize = 8;

/// The end of the help.
pub(super) const HELP: &str = "\
What happens when a processor that runs a job is killed (ack wait 10 s): within a second its supervisor
restarts it and new jobs run; after 4 s `job show`, `doctor` and the console count down to the take-over;
after 10 to 11 s a worker takes over the job (interruption 1), and the lost attempt stays in the trace.
Exit codes: 0 killed; 1 no such part found";

/// What was killed, and what happens next.
pub(super) fn killed(part: Part, pid: u32, jobs: &[JobView]) -> String {
    let mut text = format!("{} killed (process {pid})\n", styled(BOLD, &part.to_string()));
    for job in jobs.iter().take(JOBS_NAMED_MAX) {
        let _ = writeln!(text, "  was running {}  {}", job.id, clean(&job.name));
    }
    if jobs.len() > JOBS_NAMED_MAX {
        let _ = writeln!(text, "  and {} more", jobs.len() - JOBS_NAMED_MAX);
    }
    text.push_str(&styled(DIM, "what happens next:"));
    text.push('\n');
    for (when, what) in next(part, jobs) {
        let _ = writeln!(text, "  {when:<9} {what}");
    }
    text
}

fn next(part: Part, jobs: &[JobView]) -> Vec<(String, String)> {
    let restart =
        format!("the output of `waybill up`: {part} ended; then it is restarted, with a new pid");
    let mut next = vec![("< 1 s".to_owned(), restart)];
    let ack_wait = jobs.iter().find_map(|job| job.lease.as_ref()).map(|lease| lease.ack_wait_ms);
    let ack_wait = ack_wait.map_or(ACK_WAIT, Duration::from_millis);
    let later = match (part, jobs.first()) {
        (Part::Processor(_), Some(job)) => taken_over(job, ack_wait),
        (Part::Processor(_), None) => {
            let hint = "no job was running; to see a take-over, submit one first: waybill job submit --preset long";
            vec![("always".to_owned(), hint.to_owned())]
        }
        (other, _) => vec![unharmed(other)],
    };
    next.extend(later);
    next
}

/// What happens to a job whose worker was killed.
fn taken_over(job: &JobView, ack_wait: Duration) -> Vec<(String, String)> {
    let seconds = |time: Duration| time.as_secs_f64().ceil();
    let (silent, last) = (seconds(lease::silent_after(ack_wait)), seconds(ack_wait));
    let show = format!("waybill job show {} --wait: worker silent, take-over in …", job.id);
    let taken = "a worker takes over: interruption 1, and one lost attempt in the trace";
    let fresh = "new jobs run as fast as before: none waits for these";
    vec![
        (format!("{silent} s"), show),
        (format!("{last}-{} s", last + 1.0), taken.to_owned()),
        ("always".to_owned(), fresh.to_owned()),
    ]
}

fn unharmed(part: Part) -> (String, String) {
    let (when, what) = match part {
        Part::Ingester | Part::Notifier | Part::Processor(_) => {
            ("ack wait", "its unacknowledged messages are redelivered after the ack wait")
        }
        Part::Gateway => {
            ("always", "jobs continue; clients retry a submission with the same Idempotency-Key")
        }
        Part::Console => {
            ("always", "jobs continue; earlier traces are lost: the console keeps them in memory")
        }
        Part::Nats => ("< 5 s", "all services reconnect; no accepted job is lost"),
    };
    (when.to_owned(), what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_says_what_happens_next_for_every_part() {
        let parts = [Part::Nats, Part::Console, Part::Gateway, Part::Ingester, Part::Notifier];
        for part in parts.into_iter().chain([Part::Processor(2)]) {
            let text = killed(part, 7, &[]);
            assert!(text.contains("killed (process 7)") && text.lines().count() == 4, "{text}");
        }
    }
}
