//! De-duplicates raw events by source and id.

use anyhow::Context as _;
use async_nats::jetstream::kv::{self, CreateErrorKind};
use bus::{Bus, Failure};
use contract::{JobId, event::EventHead, signals::reason, topology::KEYS_BUCKET};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The raw events already seen, for a day.
pub(crate) struct Seen(kv::Store);

/// The stored value: the job that the event became, and the message that it came in.
#[derive(Debug, Serialize, Deserialize)]
struct Sighting {
    job: JobId,
    seq: u64,
}

impl Seen {
    pub(crate) async fn open(bus: &Bus) -> anyhow::Result<Self> {
        let store = bus.nats.jetstream.get_key_value(KEYS_BUCKET).await;
        Ok(Self(store.context("cannot open the bucket of idempotency keys")?))
    }

    /// The job id for this event: `fresh` on the first delivery, the stored id on a redelivery of message `seq`, or
    /// `None` if the event is a duplicate sent in another message.
    pub(crate) async fn job_of(
        &self,
        event: &EventHead,
        seq: u64,
        fresh: JobId,
    ) -> Result<Option<JobId>, Failure> {
        let key = key(event);
        let sighting =
            serde_json::to_vec(&Sighting { job: fresh, seq }).map_err(Failure::postpone)?;
        match self.0.create(key.as_str(), sighting.into()).await {
            Ok(_) => return Ok(Some(fresh)),
            Err(error) if error.kind() == CreateErrorKind::AlreadyExists => {}
            // The write may have happened: the next delivery of the message reads the stored value.
            Err(error) => return Err(Failure::postpone(error)),
        }
        let Some(found) = self.0.get(key).await.map_err(Failure::postpone)? else {
            return Err(Failure::postpone(anyhow::anyhow!(
                "the key of the event has just expired"
            )));
        };
        let before = serde_json::from_slice::<Sighting>(&found).map_err(|error| {
            // A retry would never succeed: whether the event is a duplicate is unknown for good.
            let cause = anyhow::anyhow!("the key of the event cannot be read: {error}");
            Failure::reject(reason::RECORD_UNREADABLE, cause)
        })?;
        Ok((before.seq == seq).then_some(before.job))
    }
}

/// The key of an event. The length before the source keeps `ab` + `c` and `a` + `bc` apart.
fn key(event: &EventHead) -> String {
    let mut hash = Sha256::new();
    hash.update((event.source.len() as u64).to_be_bytes());
    hash.update(&event.source);
    hash.update(&event.id);
    format!("event.{}", hex::encode(hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_and_id_do_not_run_into_each_other() {
        let event = |source: &str, id: &str| EventHead {
            id: id.into(),
            source: source.into(),
            kind: String::new(),
            subject: None,
            time: None,
        };
        assert_ne!(key(&event("ab", "c")), key(&event("a", "bc")));
        assert_eq!(key(&event("ab", "c")), key(&event("ab", "c")));
    }
}
