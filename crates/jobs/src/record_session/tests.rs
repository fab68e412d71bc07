//! Changes that conflict with another write, on a real broker: an own one, the gateway's, another worker's.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use contract::{job::Job, state::JobState};
use serde_json::json;
use testkit::NatsServer;
use tokio::{runtime::Handle, task::block_in_place};

use super::*;
use crate::records::tests::empty_records;

/// A job that one worker runs, and its record in the bucket.
struct Bench {
    records: Records,
    claimed: Entry,
    token: Lease,
    _nats: NatsServer,
}

impl Bench {
    async fn start() -> Self {
        let (records, nats) = empty_records().await;
        let token = token("worker-1");
        let claimed = records.create(running(&token)).await.unwrap();
        Self { records, claimed, token, _nats: nats }
    }

    fn session(&self) -> RecordSession {
        RecordSession::leased(self.records.clone(), self.claimed.clone(), self.token.clone())
    }

    /// Ends the job; before that is written for the first time, the bucket gets what `written_first` makes of
    /// the record.
    async fn end(
        &self,
        written_first: impl Fn(&mut JobRecord) + Send + Sync,
    ) -> Result<JobRecord, SessionError> {
        let is_first = AtomicBool::new(true);
        let end = |record: &mut JobRecord| {
            if is_first.swap(false, Relaxed) {
                let mut other = record.clone();
                written_first(&mut other);
                let write = self.records.write(other, self.claimed.revision);
                block_in_place(|| Handle::current().block_on(write)).unwrap();
            }
            record.move_to(JobState::Succeeded)
        };
        self.session().change(end).await
    }

    async fn stored(&self) -> Entry {
        self.records.load(self.claimed.record.id).await.unwrap().unwrap()
    }
}

fn token(worker: &str) -> Lease {
    let span: contract::propagation::TraceParent =
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse().unwrap();
    Lease {
        round: 0,
        attempt: 1,
        run: 0,
        worker: worker.to_owned(),
        stream_seq: 1,
        span,
        parent: span,
        started_at_ns: 0,
        isolated: false,
    }
}

fn running(token: &Lease) -> JobRecord {
    let job = json!({
        "id": contract::JobId::at(std::time::Duration::from_secs(1_795_000_000), [1; 10]),
        "round": 0, "name": "contended", "accepted_at_ms": 0,
        "operations": [{"kind": "add", "inputs": [1, 2]}],
    });
    let job: Job = serde_json::from_value(job).unwrap();
    let mut record = JobRecord::accepted(&job, token.span.trace_hex());
    record.state = JobState::Running;
    record.lease = Some(token.clone());
    record
}

#[tokio::test(flavor = "multi_thread")]
async fn an_own_write_whose_reply_was_lost_is_found_and_not_repeated() {
    let bench = Bench::start().await;
    let written = |record: &mut JobRecord| record.move_to(JobState::Succeeded).unwrap();
    let ended = bench.end(written).await.unwrap();
    assert_eq!(ended.state, JobState::Succeeded);
    assert_eq!(bench.stored().await.revision, bench.claimed.revision + 1, "one write");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_without_a_lease_is_kept_and_ours_is_applied_to_it() {
    let bench = Bench::start().await;
    bench.end(|record| record.cancel_requested = true).await.unwrap();
    let stored = bench.stored().await;
    assert_eq!((stored.record.state, stored.record.cancel_requested), (JobState::Succeeded, true));
    assert_eq!(stored.revision, bench.claimed.revision + 2, "theirs, then ours");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_another_worker_or_round_is_not_changed() {
    for takes_over in [
        (|record: &mut JobRecord| record.lease = Some(token("worker-2"))) as fn(&mut JobRecord),
        |record| record.round = 1,
        |record| record.lease = None,
    ] {
        let bench = Bench::start().await;
        let outcome = bench.end(takes_over).await;
        assert!(matches!(outcome, Err(SessionError::Fenced)), "{outcome:?}");
        let mut theirs = bench.claimed.record.clone();
        takes_over(&mut theirs);
        let stored = bench.stored().await;
        assert_eq!((stored.record, stored.revision), (theirs, bench.claimed.revision + 1));
    }
}
