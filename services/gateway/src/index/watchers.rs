//! Clients that follow jobs. Each gets the job's changes through a short queue. A client whose queue is full is
//! removed, so that slow clients do not use more memory.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use async_nats::jetstream::kv::{Entry, Operation};
use contract::{JobId, record::JobRecord};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::mpsc::{self, Receiver, Sender};

/// Maximum number of concurrent watchers.
const WATCHERS_MAX: usize = 256;
/// Changes queued per watcher.
const CHANGES_MAX: usize = 64;

/// A new version of a job's record.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) revision: u64,
    /// `None` if the record is deleted.
    pub(crate) record: Option<JobRecord>,
}

/// All watchers. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Watchers(Arc<Shared>);

/// Watchers by job, each with its number.
type ByJob = HashMap<JobId, Vec<(u64, Sender<Change>)>>;

#[derive(Default)]
struct Shared {
    by_job: Mutex<ByJob>,
    count: AtomicUsize,
    next: AtomicUsize,
}

/// Follows a job until it is dropped.
pub(crate) struct Watcher {
    pub(crate) changes: Receiver<Change>,
    watchers: Watchers,
    job: JobId,
    number: u64,
}

impl Watchers {
    /// Follows `job`; `None` if there are too many watchers.
    pub(crate) fn watch(&self, job: JobId) -> Option<Watcher> {
        let mut by_job = self.lock();
        if self.0.count.load(Relaxed) >= WATCHERS_MAX {
            return None;
        }
        let (sender, changes) = mpsc::channel(CHANGES_MAX);
        let number = self.0.next.fetch_add(1, Relaxed) as u64;
        by_job.entry(job).or_default().push((number, sender));
        self.0.count.fetch_add(1, Relaxed);
        Some(Watcher { changes, watchers: self.clone(), job, number })
    }

    /// Sends a change in the bucket to the watchers of its job.
    pub(super) fn send(&self, entry: &Entry) {
        if self.0.count.load(Relaxed) == 0 {
            return;
        }
        let Ok(job) = entry.key.parse::<JobId>() else { return };
        let mut by_job = self.lock();
        let Some(watchers) = by_job.get_mut(&job) else { return };
        let record = match entry.operation {
            Operation::Put => serde_json::from_slice(&entry.value).ok(),
            Operation::Delete | Operation::Purge => None,
        };
        let change = Change { revision: entry.revision, record };
        let before = watchers.len();
        watchers.retain(|(_, sender)| sender.try_send(change.clone()).is_ok());
        let left = watchers.len();
        if left == 0 {
            by_job.remove(&job);
        }
        self.0.count.fetch_sub(before - left, Relaxed);
    }

    fn remove(&self, job: JobId, number: u64) {
        let mut by_job = self.lock();
        let Some(watchers) = by_job.get_mut(&job) else { return };
        let before = watchers.len();
        watchers.retain(|(other, _)| *other != number);
        let left = watchers.len();
        if left == 0 {
            by_job.remove(&job);
        }
        self.0.count.fetch_sub(before - left, Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, ByJob> {
        self.0.by_job.lock()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.watchers.remove(self.job, self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn entry(job: JobId, revision: u64) -> Entry {
        Entry {
            bucket: "JOBS".into(),
            key: job.to_string(),
            value: "{}".into(),
            revision,
            delta: 0,
            created: async_nats::datetime::DateTime::UNIX_EPOCH,
            operation: Operation::Purge,
            seen_current: true,
        }
    }

    #[test]
    fn a_slow_watcher_is_removed_and_frees_its_slot() {
        let (watchers, job) = (Watchers::default(), JobId::at(Duration::ZERO, [1; 10]));
        let all: Vec<_> = (0..WATCHERS_MAX).map(|_| watchers.watch(job).unwrap()).collect();
        assert!(watchers.watch(job).is_none());
        for revision in 0..=CHANGES_MAX as u64 {
            watchers.send(&entry(job, revision));
        }
        let mut other = watchers.watch(job).unwrap();
        watchers.send(&entry(job, 1_000));
        assert_eq!(other.changes.try_recv().unwrap().revision, 1_000);
        drop(all);
        drop(other);
        assert_eq!((watchers.0.count.load(Relaxed), watchers.lock().len()), (0, 0));
    }
}
