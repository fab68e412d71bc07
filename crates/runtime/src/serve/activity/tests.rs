use tokio::time::advance;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn activity(limits: ServerLimits) -> Activity {
    Activity::new(limits)
}

async fn after(activity: &Activity, time: Duration) -> (Option<Overdue>, Option<u8>) {
    advance(time).await;
    let now = Instant::now();
    (activity.overdue(now), activity.rank(now).map(|(class, _)| class))
}

#[tokio::test(start_paused = true)]
async fn a_new_connection_has_the_head_time_and_later_the_idle_time() {
    let limits = ServerLimits::API;
    let fresh = activity(limits);
    fresh.drained();
    assert_eq!(after(&fresh, limits.head_time / 2).await, (None, Some(0)));
    assert_eq!(after(&fresh, limits.head_time / 2).await.0, Some(Overdue::Head));
    fresh.request_started(0, true);
    fresh.response_ended(0);
    assert_eq!(after(&fresh, limits.head_time).await.0, None);
    assert_eq!(after(&fresh, limits.idle_time).await.0, Some(Overdue::Idle));
}

#[tokio::test(start_paused = true)]
async fn a_slow_head_has_no_more_time_than_another() {
    let slow = activity(ServerLimits::API);
    slow.request_started(0, true);
    slow.response_ended(0);
    for _ in 0..10 {
        slow.read();
        slow.drained();
        advance(SECOND).await;
    }
    assert_eq!(after(&slow, Duration::ZERO).await, (Some(Overdue::Head), Some(0)));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_too_little_is_overdue_and_one_that_reads_enough_is_not() {
    let (unread, slow) = (activity(ServerLimits::API), activity(ServerLimits::API));
    for activity in [&unread, &slow] {
        activity.request_started(0, true);
        activity.lagged(0);
    }
    let steps = u32::try_from(ServerLimits::API.write_time.as_secs()).unwrap();
    for _ in 0..steps {
        advance(SECOND).await;
        unread.lagged(1);
        slow.lagged(PROGRESS_BYTES_MIN / 2);
    }
    assert_eq!(after(&unread, Duration::ZERO).await, (Some(Overdue::Unread), Some(1)));
    // It continues, but may be closed in favour of a new one.
    assert_eq!(after(&slow, Duration::ZERO).await, (None, Some(1)));
    slow.written();
    assert_eq!(after(&slow, SECOND).await, (None, None));
}

#[tokio::test(start_paused = true)]
async fn a_stalled_body_may_be_closed_and_a_request_in_flight_may_not() {
    let uploading = activity(ServerLimits::PAGES);
    uploading.request_started(0, false);
    uploading.drained();
    assert_eq!(after(&uploading, Duration::ZERO).await, (None, None));
    assert_eq!(after(&uploading, SECOND).await, (None, Some(2)));
    uploading.arrived(0);
    assert_eq!(after(&uploading, SECOND).await, (None, None));
    assert_eq!(after(&uploading, Duration::from_mins(1)).await.0, Some(Overdue::Exchange));
}

#[tokio::test(start_paused = true)]
async fn grpc_frames_between_requests_do_not_begin_a_head() {
    let exporter = activity(ServerLimits::OTLP_GRPC);
    exporter.request_started(0, true);
    exporter.response_ended(0);
    exporter.read();
    assert_eq!(after(&exporter, ServerLimits::API.head_time * 2).await.0, None);
}
