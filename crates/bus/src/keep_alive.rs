//! Renews the lease and the broker's ack wait of a message that is being handled.

use std::time::Duration;

use tokio::time::{Instant, interval_at};

use crate::{Delivery, Failure, Renew, Renewal};

/// Renews the lease, if there is one, and then the ack wait: every third of it, and whenever the lease is due. Returns
/// only when the lease is lost.
pub(crate) async fn keep_alive(
    delivery: &Delivery,
    lease: Option<&impl Renew>,
    ack_wait: Duration,
) -> Failure {
    let every = ack_wait / 3;
    let mut ticks = interval_at(Instant::now() + every, every);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = due(lease) => {}
        }
        if let Some(lease) = lease {
            match lease.renew().await {
                Renewal::Renewed => {}
                Renewal::Unreachable => continue,
                Renewal::Lost(failure) => return failure,
            }
        }
        if let Err(error) = delivery.ack_guard.progress().await {
            tracing::debug!(%error, "send progress failed");
        }
    }
}

async fn due(lease: Option<&impl Renew>) {
    match lease {
        Some(lease) => lease.due().await,
        None => std::future::pending().await,
    }
}
