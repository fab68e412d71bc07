//! Remembers since when a record of another worker has not moved, by this worker's monotonic clock.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use contract::JobId;

/// Most records watched at once; beyond it the longest unseen is forgotten, which only delays a take-over.
const SIGHTINGS_MAX: usize = 10_000;

#[derive(Default)]
pub(crate) struct Sightings(Mutex<HashMap<JobId, Sighting>>);

struct Sighting {
    revision: u64,
    first: Instant,
    last: Instant,
}

impl Sightings {
    /// Notes that `job` stands at `revision` and answers for how long it has been seen there.
    pub(crate) fn unmoved_for(&self, job: JobId, revision: u64) -> Duration {
        let now = Instant::now();
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= SIGHTINGS_MAX && !seen.contains_key(&job) {
            let oldest = seen.iter().min_by_key(|(_, sighting)| sighting.last).map(|(job, _)| *job);
            oldest.map(|job| seen.remove(&job));
        }
        let sighting = seen.entry(job).or_insert(Sighting { revision, first: now, last: now });
        if sighting.revision != revision {
            *sighting = Sighting { revision, first: now, last: now };
        }
        sighting.last = now;
        now - sighting.first
    }

    /// Forgets `job`: it was taken over or has ended.
    pub(crate) fn forget(&self, job: JobId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&job);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_moves_starts_the_clock_again() {
        let sightings = Sightings::default();
        let job = JobId::at(Duration::from_millis(1), [0; 10]);
        assert_eq!(sightings.unmoved_for(job, 1), Duration::ZERO);
        assert!(sightings.unmoved_for(job, 1) > Duration::ZERO);
        assert_eq!(sightings.unmoved_for(job, 2), Duration::ZERO);
        sightings.forget(job);
        assert_eq!(sightings.unmoved_for(job, 2), Duration::ZERO);
    }
}
