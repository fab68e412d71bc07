//! The account of a run: every job that was accepted stays on it until it was seen to end.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use contract::{JobId, api::JobView, state::Outcome};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout},
};

use super::{
    Load,
    gauge::Gauge,
    report::{Answers, END_TO_END_CLOCK, Events, Jobs, Progress, Report},
};

/// What a thing that is sent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Job,
    Malformed,
    Foreign,
}

/// The account.
#[derive(Debug)]
pub(super) struct Ledger {
    /// Places for jobs that have not ended.
    places: Semaphore,
    began: Instant,
    book: Mutex<Book>,
}

#[derive(Debug)]
struct Book {
    sent_all: Option<Duration>,
    answers: [Answers; 3],
    refused: BTreeMap<u16, u64>,
    repeated: u64,
    left_out: u64,
    records_read: u64,
    unfinished: BTreeSet<JobId>,
    missing: BTreeSet<JobId>,
    outcomes: [u64; Outcome::ALL.len()],
    accept: Gauge,
    end_to_end: Gauge,
    clocks_disagree: u64,
    /// Displayed times of the first accepted and the last ended.
    span_ms: Option<(i64, i64)>,
    /// Traces of malformed events that are not found in the dead letters yet.
    malformed: BTreeSet<String>,
}

impl Ledger {
    pub(super) fn new(unfinished_max: usize) -> Self {
        let book = Book {
            sent_all: None,
            answers: [Answers::default(); 3],
            refused: BTreeMap::new(),
            repeated: 0,
            left_out: 0,
            records_read: 0,
            unfinished: BTreeSet::new(),
            missing: BTreeSet::new(),
            outcomes: [0; Outcome::ALL.len()],
            accept: Gauge::new(),
            end_to_end: Gauge::new(),
            clocks_disagree: 0,
            span_ms: None,
            malformed: BTreeSet::new(),
        };
        Self {
            places: Semaphore::new(unfinished_max),
            began: Instant::now(),
            book: Mutex::new(book),
        }
    }

    /// A place for one more job; none when there is none within `limit`.
    pub(super) async fn place(&self, limit: Duration) -> Option<SemaphorePermit<'_>> {
        timeout(limit, self.places.acquire()).await.ok()?.ok()
    }

    pub(super) fn sent(&self, class: Class) {
        self.book().of(class).sent += 1;
    }

    pub(super) fn sent_all(&self) {
        let took = self.began.elapsed();
        self.book().sent_all = Some(took);
    }

    pub(super) fn left_out(&self, count: u64) {
        self.book().left_out += count;
    }

    pub(super) fn repeated(&self) {
        self.book().repeated += 1;
    }

    pub(super) fn refused(&self, class: Class, status: u16) {
        let mut book = self.book();
        book.of(class).refused += 1;
        *book.refused.entry(status).or_default() += 1;
    }

    /// A job was accepted; its place is kept until it ends.
    pub(super) fn accepted(&self, job: JobId, took: Duration, place: Option<SemaphorePermit<'_>>) {
        let mut book = self.book();
        book.of(Class::Job).accepted += 1;
        book.accept.record(took);
        if book.unfinished.insert(job)
            && let Some(place) = place
        {
            place.forget();
        }
    }

    /// An event was accepted, in this trace.
    pub(super) fn event_accepted(&self, class: Class, trace_id: String) {
        let mut book = self.book();
        book.of(class).accepted += 1;
        if class == Class::Malformed {
            book.malformed.insert(trace_id);
        }
    }

    /// Jobs that were not seen to end, the oldest first.
    pub(super) fn unfinished(&self) -> Vec<JobId> {
        self.book().unfinished.iter().copied().collect()
    }

    /// Takes what the gateway says of a job. Answers whether that was the news of its end.
    pub(super) fn seen(&self, job: &JobView) -> bool {
        let mut book = self.book();
        book.missing.remove(&job.id);
        let Some(outcome) = job.state.outcome() else { return false };
        if !book.unfinished.remove(&job.id) {
            return false;
        }
        book.ended(job, outcome);
        self.places.add_permits(1);
        true
    }

    /// So many records were read to learn how jobs end.
    pub(super) fn read(&self, records: usize) {
        self.book().records_read += records as u64;
    }

    /// The gateway does not know this job.
    pub(super) fn missing(&self, job: JobId) {
        self.book().missing.insert(job);
    }

    /// The dead letter of this trace was found.
    pub(super) fn rejected(&self, trace_id: &str) {
        self.book().malformed.remove(trace_id);
    }

    /// How many malformed events were not found in the dead letters yet, and how many foreign were accepted.
    pub(super) fn events(&self) -> (usize, u64) {
        let mut book = self.book();
        (book.malformed.len(), book.of(Class::Foreign).accepted)
    }

    pub(super) fn progress(&self, elapsed: Duration) -> Progress {
        let mut book = self.book();
        let all = book.answers;
        let sum = |of: fn(&Answers) -> u64| all.iter().map(of).sum();
        Progress {
            elapsed,
            all_sent: book.sent_all.is_some(),
            sent: sum(|answers| answers.sent),
            refused: sum(|answers| answers.refused),
            accepted: book.of(Class::Job).accepted,
            ended: book.outcomes.iter().sum(),
        }
    }

    /// The numbers at the end. `events` are what the watch of events found.
    pub(super) fn report(&self, load: &Load, broken_off: bool, discarded: Option<u64>) -> Report {
        let mut book = self.book();
        let took = book.sent_all.unwrap_or_else(|| self.began.elapsed()).as_secs_f64();
        let malformed = book.answers_of(Class::Malformed);
        let rejected = malformed.accepted - book.malformed.len() as u64;
        let jobs = book.jobs();
        Report {
            seed: load.plan.seed(),
            pace: load.pace.clone(),
            broken_off,
            seconds: took,
            accepted_per_second: per_second(jobs.answers.accepted, took),
            ended_per_second: book.span_ms.map_or(0.0, |(first, last)| {
                per_second(jobs.ended(), last.saturating_sub(first) as f64 / 1e3)
            }),
            jobs,
            events: Events {
                malformed,
                rejected,
                foreign: book.answers_of(Class::Foreign),
                discarded,
            },
            refused: std::mem::take(&mut book.refused),
            repeated: book.repeated,
            left_out: book.left_out,
            records_read: book.records_read,
            accept_ms: book.accept.percentiles(),
            end_to_end_ms: book.end_to_end.percentiles(),
            end_to_end_clock: END_TO_END_CLOCK,
            clocks_disagree: book.clocks_disagree,
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn of(&mut self, class: Class) -> &mut Answers {
        &mut self.answers[class as usize]
    }

    /// What was not answered by now never was.
    fn answers_of(&mut self, class: Class) -> Answers {
        let answers = *self.of(class);
        Answers { unanswered: answers.sent - answers.accepted - answers.refused, ..answers }
    }

    fn ended(&mut self, job: &JobView, outcome: Outcome) {
        let place = Outcome::ALL.iter().position(|one| *one == outcome).unwrap_or_default();
        self.outcomes[place] += 1;
        let (began, ended) = (job.times.accepted_ms, job.times.finished_ms.unwrap_or(i64::MIN));
        match u64::try_from(ended.saturating_sub(began)) {
            Ok(ms) => self.end_to_end.record(Duration::from_millis(ms)),
            Err(_) => return self.clocks_disagree += 1,
        }
        let (first, last) = self.span_ms.unwrap_or((began, ended));
        self.span_ms = Some((first.min(began), last.max(ended)));
    }

    fn jobs(&mut self) -> Jobs {
        let [succeeded, failed, dead, cancelled] = self.outcomes;
        let missing = self.missing.intersection(&self.unfinished).count();
        Jobs {
            answers: self.answers_of(Class::Job),
            succeeded,
            failed,
            dead,
            cancelled,
            unfinished: self.unfinished.len() as u64,
            missing: missing as u64,
            unfinished_ids: self.unfinished.iter().take(Jobs::IDS_MAX).copied().collect(),
        }
    }
}

fn per_second(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}
