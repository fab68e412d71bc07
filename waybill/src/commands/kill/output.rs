//! What `waybill kill` says: what was killed, and what will be seen next.

use std::{fmt::Write as _, time::Duration};

use contract::{api::JobView, lease, topology::ACK_WAIT};
use lab::Part;

use crate::terminal::{BOLD, DIM, clean, styled};

/// Jobs named; the others are counted.
const JOBS_NAMED_MAX: usize = 8;

/// What follows, as it stands in the help.
pub(super) const HELP: &str = "\
What is seen next, of a processor that runs a job (ack wait 10 s): within a second its supervisor starts it
again and new jobs go on; after 4 s `job show`, `doctor` and the console count down to the take-over; after
10 to 11 s a worker takes the job over (interruption 1), and the lost attempt stays in the trace.
Exit codes: 0 it was killed; 1 no such part is there";

/// What was killed, and what to look at now.
pub(super) fn killed(part: Part, pid: u32, jobs: &[JobView]) -> String {
    let mut text = format!("{} killed (process {pid})\n", styled(BOLD, &part.to_string()));
    for job in jobs.iter().take(JOBS_NAMED_MAX) {
        let _ = writeln!(text, "  it ran {}  {}", job.id, clean(&job.name));
    }
    if jobs.len() > JOBS_NAMED_MAX {
        let _ = writeln!(text, "  and {} more", jobs.len() - JOBS_NAMED_MAX);
    }
    text.push_str(&styled(DIM, "what you see next:"));
    text.push('\n');
    for (when, what) in next(part, jobs) {
        let _ = writeln!(text, "  {when:<9} {what}");
    }
    text
}

fn next(part: Part, jobs: &[JobView]) -> Vec<(String, String)> {
    let restart = format!("the terminal of `up`: {part} ended; runs again, with a new pid");
    let mut next = vec![("< 1 s".to_owned(), restart)];
    let ack_wait = jobs.iter().find_map(|job| job.lease.as_ref()).map(|lease| lease.ack_wait_ms);
    let ack_wait = ack_wait.map_or(ACK_WAIT, Duration::from_millis);
    let later = match (part, jobs.first()) {
        (Part::Processor(_), Some(job)) => taken_over(job, ack_wait),
        (Part::Processor(_), None) => {
            let hint = "it ran no job; for a take-over submit one first: job submit --preset long";
            vec![("always".to_owned(), hint.to_owned())]
        }
        (other, _) => vec![unharmed(other)],
    };
    next.extend(later);
    next
}

/// What comes of a job whose worker was killed.
fn taken_over(job: &JobView, ack_wait: Duration) -> Vec<(String, String)> {
    let seconds = |time: Duration| time.as_secs_f64().ceil();
    let (silent, last) = (seconds(lease::silent_after(ack_wait)), seconds(ack_wait));
    let show = format!("waybill job show {} --wait: worker silent, take-over in …", job.id);
    let taken = "a worker takes over: interruption 1, and one lost attempt in the trace";
    let fresh = "new jobs end as fast as before: none waits for these";
    vec![
        (format!("{silent} s"), show),
        (format!("{last}-{} s", last + 1.0), taken.to_owned()),
        ("always".to_owned(), fresh.to_owned()),
    ]
}

fn unharmed(part: Part) -> (String, String) {
    let (when, what) = match part {
        Part::Ingester | Part::Notifier | Part::Processor(_) => {
            ("one wait", "after one ack wait, messages that it held are delivered again")
        }
        Part::Gateway => {
            ("always", "jobs go on; clients submit again with the same Idempotency-Key")
        }
        Part::Console => ("always", "jobs go on; older traces are gone, they were in its memory"),
        Part::Nats => ("< 5 s", "all services connect again; what was accepted is still there"),
    };
    (when.to_owned(), what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_its_next_lines() {
        let parts = [Part::Nats, Part::Console, Part::Gateway, Part::Ingester, Part::Notifier];
        for part in parts.into_iter().chain([Part::Processor(2)]) {
            let text = killed(part, 7, &[]);
            assert!(text.contains("killed (process 7)") && text.lines().count() == 4, "{text}");
        }
    }
}
