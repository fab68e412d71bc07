//! Remembers raw events by source and id, so that one that is sent twice becomes one job.

use anyhow::Context as _;
use async_nats::jetstream::kv::{self, CreateErrorKind};
use bus::{Bus, Failure};
use contract::{JobId, event::EventHead, signals::reason, topology::KEYS_BUCKET};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The raw events already seen, for a day.
pub(crate) struct Seen(kv::Store);

/// What is kept of an event: the job it became, and the message it came in.
#[derive(Debug, Serialize, Deserialize)]
struct Sighting {
    job: JobId,
    seq: u64,
}

impl Seen {
    pub(crate) async fn open(bus: &Bus) -> anyhow::Result<Self> {
        let store = bus.jetstream.get_key_value(KEYS_BUCKET).await;
        Ok(Self(store.context("opening the bucket of keys")?))
    }

    /// The job that the event of message `seq` becomes: `fresh`, or the one it became when this very
    /// message was handled before. `None` when another message brought the event already.
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
            // The write may have happened: what is there decides when the message comes again.
            Err(error) => return Err(Failure::postpone(error)),
        }
        let Some(found) = self.0.get(key).await.map_err(Failure::postpone)? else {
            return Err(Failure::postpone(anyhow::anyhow!("the key expired this very moment")));
        };
        let before = serde_json::from_slice::<Sighting>(&found).map_err(|error| {
            // Whether the event was seen cannot be known any more; to look again would be for ever.
            let cause = anyhow::anyhow!("the key of the event cannot be read: {error}");
            Failure::reject(reason::RECORD_UNREADABLE, cause)
        })?;
        Ok((before.seq == seq).then_some(before.job))
    }
}

/// The length before the source keeps `ab` + `c` and `a` + `bc` apart.
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
