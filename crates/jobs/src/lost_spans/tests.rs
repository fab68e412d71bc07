use contract::{
    JobId,
    job::{Job, JobSpec},
    operation::{OperationKind, Wait},
};

use super::*;

const SECOND: i128 = 1_000_000_000;

fn lost_after(operations: usize, progress: Option<(u32, i64)>, started_s: i64) -> i128 {
    let spec = JobSpec {
        name: "nap".to_owned(),
        operations: vec![Wait { seconds: 1.0 }.into(); operations],
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
        deadline_at_ms: None,
        source: contract::JobSource::Client,
        unknown: contract::UnknownFields::default(),
    };
    let mut record = JobRecord::accepted(&job, String::new());
    let span = TraceParent { trace_id: 1, span_id: 1, sampled: true };
    record.progress = progress.map(|(operation, child_s)| Progress {
        operation,
        kind: OperationKind::Wait,
        part: 0.5,
        span,
        started_at_ns: started_s * 1_000_000_000,
        child_at_ns: child_s * 1_000_000_000,
    });
    let lease = Lease {
        round: 0,
        attempt: 1,
        run: 0,
        worker: String::new(),
        stream_seq: 1,
        span,
        parent: span,
        started_at_ns: started_s * 1_000_000_000,
        isolated: false,
    };
    lost_end_ns(&record, &lease, 10 * SECOND, 12 * SECOND) / SECOND
}

#[test]
fn a_lost_run_ends_after_all_that_it_may_have_sent() {
    assert_eq!(lost_after(1, Some((0, 8)), 5), 10, "the record is newer than the latest child");
    assert_eq!(lost_after(1, Some((0, 11)), 5), 11, "the latest child is newer than the record");
    assert_eq!(lost_after(1, None, 9), 11, "an operation that is not in the record was short");
    assert_eq!(
        lost_after(3, None, 9),
        14,
        "short operations may have ended before the next renewal"
    );
    assert_eq!(lost_after(3, Some((1, 8)), 5), 14, "short operations may follow a long one");
    assert_eq!(lost_after(3, Some((2, 8)), 5), 10, "no operation follows the last one");
    assert_eq!(lost_after(1, Some((0, 21)), 20), 21, "the worker's clock is ahead");
}
