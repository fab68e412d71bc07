//! Sends everything at its pace.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use runtime::stop::Stop;
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

use super::{
    JOBS_MAX, LoadEnd, LoadRun, LoadTarget, TIME_MAX,
    ledger::Ledger,
    pace::{Pace, between},
    send::ItemSender,
};

/// Timeout for the last responses.
const LAST_RESPONSES_TIMEOUT: Duration = Duration::from_secs(20);
/// Shortest delay of a client after a refusal.
const REFUSED_DELAY: Duration = Duration::from_millis(100);

/// The sending of one run.
pub(super) struct SendLoop {
    sender: Arc<ItemSender>,
    pace: Pace,
    end: LoadEnd,
    in_flight: Arc<Semaphore>,
    started_at: Instant,
}

impl SendLoop {
    pub(super) fn new(load: &LoadRun, lab: &LoadTarget, ledger: Arc<Ledger>) -> Self {
        let sender = ItemSender::new(lab.gateway.clone(), load.plan.clone(), ledger, load.limits);
        let in_flight = load.limits.in_flight.clamp(1, super::IN_FLIGHT_MAX);
        Self {
            sender: Arc::new(sender),
            pace: load.pace.clone(),
            end: LoadEnd { jobs: load.end.jobs.min(JOBS_MAX), time: load.end.time.min(TIME_MAX) },
            in_flight: Arc::new(Semaphore::new(in_flight)),
            started_at: Instant::now(),
        }
    }

    /// Sends until the end or the soft stop, then waits for the last responses.
    pub(super) async fn run(self, stop: &Stop) {
        let mut sending = JoinSet::new();
        match self.pace.schedule(self.sender.plan()) {
            Some(due) => self.open_loop(due, stop, &mut sending).await,
            None => self.closed_loop(stop, &mut sending).await,
        }
        let responses = async { while sending.join_next().await.is_some() {} };
        tokio::select! {
            _late = timeout(LAST_RESPONSES_TIMEOUT, responses) => {}
            () = stop.hard.cancelled() => {}
        }
    }

    /// Open loop: sends each item when it is due, up to `in_flight` at once.
    async fn open_loop(
        &self,
        due: impl Iterator<Item = Duration>,
        stop: &Stop,
        sending: &mut JoinSet<()>,
    ) {
        let jobs = usize::try_from(self.end.jobs).unwrap_or(usize::MAX);
        let mut due = (0..).zip(due.take(jobs).take_while(|due| *due < self.end.time));
        for (n, at) in due.by_ref() {
            let at = self.started_at + at;
            let room = async {
                sleep_until(at).await;
                self.in_flight.clone().acquire_owned().await
            };
            let room = tokio::select! {
                biased;
                () = stop.soft.cancelled() => return,
                Ok(room) = room => room,
                // No room and no time left: the remaining items are not sent.
                () = sleep_until(self.started_at + self.end.time) => {
                    return self.sender.ledger().left_out(1 + due.count() as u64);
                }
            };
            while sending.try_join_next().is_some() {}
            let sender = self.sender.clone();
            sending.spawn(async move {
                sender.send(n, at).await;
                drop(room);
            });
        }
    }

    /// Closed loop: each client sends its next item after the response and its think time.
    async fn closed_loop(&self, stop: &Stop, sending: &mut JoinSet<()>) {
        let Pace::Clients { count, think } = &self.pace else { return };
        let next = Arc::new(AtomicU64::new(0));
        for _ in 0..(*count).clamp(1, super::IN_FLIGHT_MAX) {
            let (sender, next, think) = (self.sender.clone(), next.clone(), think.clone());
            let (soft, jobs, until) =
                (stop.soft.clone(), self.end.jobs, self.started_at + self.end.time);
            sending.spawn(async move {
                while Instant::now() < until && !soft.is_cancelled() {
                    let n = next.fetch_add(1, Relaxed);
                    if n >= jobs {
                        return;
                    }
                    let accepted = sender.send(n, Instant::now()).await;
                    let delay = between(&think, &mut sender.plan().timing(n));
                    let delay = if accepted { delay } else { delay.max(REFUSED_DELAY) };
                    let wake_at = until.min(Instant::now() + delay);
                    soft.run_until_cancelled(sleep_until(wake_at)).await;
                }
            });
        }
        let all = async { while sending.join_next().await.is_some() {} };
        tokio::select! {
            () = all => {}
            () = sleep_until(self.started_at + self.end.time) => {}
            () = stop.soft.cancelled() => {}
        }
    }
}
