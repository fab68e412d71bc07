use super::*;
use crate::{
    JobId,
    job::{Job, JobSpec},
    operation::Wait,
    propagation::TraceParent,
    record::Lease,
};

const ACK_WAIT: Duration = Duration::from_secs(10);

fn record() -> JobRecord {
    let spec = JobSpec {
        name: "nap".to_owned(),
        operations: vec![Wait { seconds: 1.0 }.into()],
        notify: None,
        deadline_seconds: None,
        attempts_max: None,
    };
    let id = JobId::at(Duration::from_millis(1), [0; 10]);
    let job = Job {
        id,
        round: 0,
        spec,
        accepted_at_ms: 0,
        source: crate::JobSource::Client,
        deadline_at_ms: None,
        unknown: crate::UnknownFields::default(),
    };
    JobRecord::accepted(&job, "0".repeat(32))
}

fn running() -> JobRecord {
    let span = TraceParent { trace_id: 1, span_id: 1, sampled: true };
    let lease = Lease {
        round: 0,
        attempt: 1,
        run: 2,
        worker: "processor-1".to_owned(),
        stream_seq: 1,
        span,
        parent: span,
        started_at_ns: 5_000_000_000,
        isolated: false,
    };
    JobRecord { state: Running, lease: Some(lease), ..record() }
}

fn lease(silent_ms: u64) -> LeaseView {
    let silent = Duration::from_millis(silent_ms);
    LeaseView::of(&running(), 7_000_000_000, silent, ACK_WAIT).unwrap()
}

#[test]
fn a_lease_counts_down_once_a_renewal_was_missed() {
    let fresh = lease(3_400);
    assert_eq!((fresh.silent_ms, fresh.takeover_in_ms), (3_400, None));
    assert_eq!((fresh.run, fresh.worker.as_str()), (3, "processor-1"));
    assert_eq!(fresh.running_since, "1970-01-01T00:00:05Z");
    assert_eq!(fresh.written_at, "1970-01-01T00:00:07Z");
    assert_eq!(lease(4_000).takeover_in_ms, Some(6_000));
    assert_eq!(lease(9_999).takeover_in_ms, Some(1));
    assert_eq!(lease(60_000).takeover_in_ms, Some(0));
}

#[test]
fn a_silent_worker_is_described_in_one_line() {
    assert_eq!(lease(1_200).to_string(), "worker processor-1, renewed 1.2 s ago");
    assert_eq!(lease(4_300).to_string(), "worker processor-1 silent for 4 s, take-over in 6 s");
    assert_eq!(lease(10_900).to_string(), "worker processor-1 silent for 10 s, take-over due");
}

#[test]
fn every_wait_reason_is_described() {
    let wait = |reason, behind| WaitView { reason, behind, due_in_ms: Some(2_100) }.to_string();
    assert_eq!(wait(WaitReason::Ingester, Some(0)), "waits for the ingester, first in line");
    assert_eq!(wait(WaitReason::Slot, Some(2)), "waits for a free slot, behind 2 older");
    assert_eq!(wait(WaitReason::NoWorker, None), "no processor asks for work");
    assert_eq!(wait(WaitReason::RetryDelay, None), "retry in 3 s");
    let handed_back = "handed back by its worker, waits for a free slot";
    assert_eq!(wait(WaitReason::HandedBack, None), handed_back);
}

#[test]
fn only_a_running_job_has_a_lease_and_only_a_waiting_one_waits() {
    for state in crate::state::JobState::ALL {
        let record = JobRecord { state, ..running() };
        let lease = LeaseView::of(&record, 0, Duration::ZERO, ACK_WAIT);
        let waits = WaitView::of(&record, 0, true);
        assert_eq!(lease.is_some(), state == Running, "{state}");
        assert_eq!(waits.is_some(), matches!(state, Accepted | Queued | Retrying), "{state}");
    }
}

#[test]
fn the_wait_reason_follows_from_the_record() {
    let mut record = record();
    let reason = |record: &JobRecord, has_worker| {
        let wait = WaitView::of(record, 1_000, has_worker).unwrap();
        (wait.reason, wait.due_in_ms)
    };
    assert_eq!(reason(&record, false), (WaitReason::Ingester, None));
    record.state = Queued;
    assert_eq!(reason(&record, true), (WaitReason::Slot, None));
    assert_eq!(reason(&record, false), (WaitReason::NoWorker, None));
    (record.state, record.times.retry_ms) = (Retrying, Some(4_000));
    record.attempts.processor = 1;
    assert_eq!(reason(&record, false), (WaitReason::RetryDelay, Some(3_000)));
    record.times.retry_ms = Some(500);
    assert_eq!(reason(&record, true), (WaitReason::Slot, Some(0)));
    assert_eq!(reason(&record, false), (WaitReason::NoWorker, Some(0)));
    record.attempts.processor = 0;
    assert_eq!(reason(&record, true), (WaitReason::HandedBack, Some(0)));
}
