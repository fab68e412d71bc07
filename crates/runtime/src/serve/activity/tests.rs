use tokio::time::advance;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn activity(limits: Limits) -> Activity {
    Activity::new(limits)
}

async fn after(activity: &Activity, time: Duration) -> (Option<Overdue>, Option<u8>) {
    advance(time).await;
    let now = Instant::now();
    (activity.overdue(now), activity.rank(now).map(|(class, _)| class))
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_request_may_take_the_time_of_a_head_and_later_the_idle_time() {
    let limits = Limits::API;
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
async fn a_head_that_comes_byte_by_byte_has_no_more_time_than_another() {
    let slow = activity(Limits::API);
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
    let (unread, slow) = (activity(Limits::API), activity(Limits::API));
    for activity in [&unread, &slow] {
        activity.request_started(0, true);
        activity.lagged(0);
    }
    let steps = u32::try_from(Limits::API.write_time.as_secs()).unwrap();
    for _ in 0..steps {
        advance(SECOND).await;
        unread.lagged(1);
        slow.lagged(PROGRESS_BYTES_MIN / 2);
    }
    assert_eq!(after(&unread, Duration::ZERO).await, (Some(Overdue::Unread), Some(1)));
    // It goes on, but can be spared.
    assert_eq!(after(&slow, Duration::ZERO).await, (None, Some(1)));
    slow.written();
    assert_eq!(after(&slow, SECOND).await, (None, None));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_can_be_spared_and_a_request_that_is_handled_cannot() {
    let uploading = activity(Limits::PAGES);
    uploading.request_started(0, false);
    uploading.drained();
    assert_eq!(after(&uploading, Duration::ZERO).await, (None, None));
    assert_eq!(after(&uploading, SECOND).await, (None, Some(2)));
    uploading.arrived(0);
    assert_eq!(after(&uploading, SECOND).await, (None, None));
    assert_eq!(after(&uploading, Duration::from_mins(1)).await.0, Some(Overdue::Exchange));
}

#[tokio::test(start_paused = true)]
async fn what_grpc_sends_between_requests_begins_no_head() {
    let exporter = activity(Limits::OTLP_GRPC);
    exporter.request_started(0, true);
    exporter.response_ended(0);
    exporter.read();
    assert_eq!(after(&exporter, Limits::API.head_time * 2).await.0, None);
}
