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
    End, JOBS_MAX, Load, TIME_MAX, Target,
    ledger::Ledger,
    pace::{Pace, between},
    send::Sender,
};

/// How long the last answers may take.
const LAST_ANSWERS: Duration = Duration::from_secs(20);
/// Pause of a client that was refused, at least.
const REFUSED_PAUSE: Duration = Duration::from_millis(100);

/// The sending of one run.
pub(super) struct Drive {
    sender: Arc<Sender>,
    pace: Pace,
    end: End,
    in_flight: Arc<Semaphore>,
    began: Instant,
}

impl Drive {
    pub(super) fn new(load: &Load, lab: &Target, ledger: Arc<Ledger>) -> Self {
        let sender = Sender::new(lab.gateway.clone(), load.plan.clone(), ledger, load.limits);
        let in_flight = load.limits.in_flight.clamp(1, super::IN_FLIGHT_MAX);
        Self {
            sender: Arc::new(sender),
            pace: load.pace.clone(),
            end: End { jobs: load.end.jobs.min(JOBS_MAX), time: load.end.time.min(TIME_MAX) },
            in_flight: Arc::new(Semaphore::new(in_flight)),
            began: Instant::now(),
        }
    }

    /// Sends until the end or the soft stop, and waits for the last answers.
    pub(super) async fn run(self, stop: &Stop) {
        let mut sending = JoinSet::new();
        match self.pace.schedule(self.sender.plan()) {
            Some(due) => self.by_schedule(due, stop, &mut sending).await,
            None => self.by_clients(stop, &mut sending).await,
        }
        let answers = async { while sending.join_next().await.is_some() {} };
        tokio::select! {
            _late = timeout(LAST_ANSWERS, answers) => {}
            () = stop.hard.cancelled() => {}
        }
    }

    /// What is due is sent, whatever came of the items before it, as long as there is room.
    async fn by_schedule(
        &self,
        due: impl Iterator<Item = Duration>,
        stop: &Stop,
        sending: &mut JoinSet<()>,
    ) {
        let jobs = usize::try_from(self.end.jobs).unwrap_or(usize::MAX);
        let mut due = (0..).zip(due.take(jobs).take_while(|due| *due < self.end.time));
        for (n, at) in due.by_ref() {
            let at = self.began + at;
            let room = async {
                sleep_until(at).await;
                self.in_flight.clone().acquire_owned().await
            };
            let room = tokio::select! {
                biased;
                () = stop.soft.cancelled() => return,
                Ok(room) = room => room,
                // No room, and no time left: what is still due is not sent.
                () = sleep_until(self.began + self.end.time) => {
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

    /// Each client sends its next item when it has its answer and has thought.
    async fn by_clients(&self, stop: &Stop, sending: &mut JoinSet<()>) {
        let Pace::Clients { count, think } = &self.pace else { return };
        let next = Arc::new(AtomicU64::new(0));
        for _ in 0..(*count).clamp(1, super::IN_FLIGHT_MAX) {
            let (sender, next, think) = (self.sender.clone(), next.clone(), think.clone());
            let (soft, jobs, until) =
                (stop.soft.clone(), self.end.jobs, self.began + self.end.time);
            sending.spawn(async move {
                while Instant::now() < until && !soft.is_cancelled() {
                    let n = next.fetch_add(1, Relaxed);
                    if n >= jobs {
                        return;
                    }
                    let taken = sender.send(n, Instant::now()).await;
                    let pause = between(&think, &mut sender.plan().timing(n));
                    let pause = if taken { pause } else { pause.max(REFUSED_PAUSE) };
                    let awake = until.min(Instant::now() + pause);
                    soft.run_until_cancelled(sleep_until(awake)).await;
                }
            });
        }
        let all = async { while sending.join_next().await.is_some() {} };
        tokio::select! {
            () = all => {}
            () = sleep_until(self.began + self.end.time) => {}
            () = stop.soft.cancelled() => {}
        }
    }
}
