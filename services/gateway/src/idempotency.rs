//! Makes submissions idempotent: a client's key identifies one job, even if responses are lost.

use std::time::Duration;

use async_nats::jetstream::kv::{self, CreateErrorKind, Operation};
use axum::http::{HeaderMap, StatusCode};
use contract::{
    JobId, api::IDEMPOTENCY_KEY, job::JobSpec, propagation::TraceParent, state::JobState,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;

use crate::{accepted::Ticket, broker::Broker, error::ApiError};

/// Longest key, in bytes.
const KEY_BYTES_MAX: usize = 255;
/// Timeout of a request to the bucket of keys.
const KEY_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the first submission may take. A repeat that finds no job after that publishes it again.
const FIRST_TIME_MAX_MS: i64 = 5_000;
/// What a client can do if its key could not be stored.
const ADVICE: &str = "Repeat with the same Idempotency-Key: the job is submitted only once.";

/// The key of a submission and the fingerprint of its body.
#[derive(Debug)]
pub(crate) struct Key {
    name: String,
    fingerprint: String,
}

/// The value stored under a key.
#[derive(Debug, Serialize, Deserialize)]
struct StoredKey {
    fingerprint: String,
    job: JobId,
    created_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    root: Option<TraceParent>,
}

/// Result of claiming a key.
#[derive(Debug)]
pub(crate) enum Claim {
    /// Publish the job of this ticket: the new one, or an earlier one whose publish may have failed.
    Publish(Ticket),
    /// The job of this ticket is already stored, and in this state.
    Known(Ticket, JobState),
}

impl Key {
    /// Reads the key from the headers. Bodies with the same spec have the same fingerprint.
    pub(crate) fn read(headers: &HeaderMap, spec: &JobSpec) -> Result<Option<Self>, ApiError> {
        let mut given = headers.get_all(IDEMPOTENCY_KEY).iter();
        let Some(key) = given.next() else {
            return Ok(None);
        };
        let key = key.as_bytes();
        let printable = key.iter().all(|byte| (0x20..0x7f).contains(byte));
        if given.next().is_some() || !(1..=KEY_BYTES_MAX).contains(&key.len()) || !printable {
            let problem = format!("must be one value of 1 to {KEY_BYTES_MAX} printable characters");
            return Err(ApiError::header(IDEMPOTENCY_KEY, problem));
        }
        let spec = serde_json::to_vec(spec).map_err(ApiError::internal)?;
        let name = format!("idem.{}", hex::encode(Sha256::digest(key)));
        Ok(Some(Self { name, fingerprint: hex::encode(Sha256::digest(spec)) }))
    }

    /// Claims the key for the job of `fresh`, or returns the job that it identifies.
    pub(crate) async fn claim(&self, broker: &Broker, fresh: Ticket) -> Result<Claim, ApiError> {
        let now_ms = broker.jobs.bus.nats.time.now_ms();
        let taken = timeout(KEY_TIMEOUT, self.take(&broker.keys, fresh, now_ms)).await;
        let late = |_| {
            Err(ApiError::not_started(ADVICE, "timed out reading the bucket of idempotency keys"))
        };
        match taken.unwrap_or_else(late)? {
            None => Ok(Claim::Publish(fresh)),
            Some(stored) => self.of_stored(broker, stored, now_ms).await,
        }
    }

    /// Releases the key of a job that was not stored.
    pub(crate) async fn release(&self, broker: &Broker, ticket: Ticket) {
        let release = async {
            let entry = broker.keys.entry(self.name.as_str()).await.ok()??;
            let stored: StoredKey = serde_json::from_slice(&entry.value).ok()?;
            if stored.job == ticket.job {
                let expected = Some(entry.revision);
                broker.keys.delete_expect_revision(self.name.as_str(), expected).await.ok()?;
            }
            Some(())
        };
        // If the release fails, repeats within the next seconds get a 409 with Retry-After.
        let _ = timeout(KEY_TIMEOUT, release).await;
    }

    /// `None` if the key is now claimed, else the value stored under it.
    async fn take(
        &self,
        keys: &kv::Store,
        fresh: Ticket,
        now_ms: i64,
    ) -> Result<Option<StoredKey>, ApiError> {
        let fingerprint = self.fingerprint.clone();
        let stored =
            StoredKey { fingerprint, job: fresh.job, created_ms: now_ms, root: fresh.root };
        let value = serde_json::to_vec(&stored).map_err(ApiError::internal)?;
        match keys.create(self.name.as_str(), value.into()).await {
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == CreateErrorKind::AlreadyExists => {}
            Err(error) if nats::error_code::is_full(&error) => {
                return Err(ApiError::full("store of idempotency keys").because(error));
            }
            Err(error) => return Err(ApiError::not_started(ADVICE, error)),
        }
        let entry = keys.entry(self.name.as_str()).await.map_err(ApiError::broker_away)?;
        let Some(entry) = entry.filter(|entry| entry.operation == Operation::Put) else {
            return Err(in_use(1));
        };
        serde_json::from_slice(&entry.value).map(Some).map_err(unreadable)
    }

    async fn of_stored(
        &self,
        broker: &Broker,
        stored: StoredKey,
        now_ms: i64,
    ) -> Result<Claim, ApiError> {
        if stored.fingerprint != self.fingerprint {
            return Err(reused());
        }
        let ticket = Ticket { job: stored.job, root: stored.root };
        let load = broker.jobs.records.load(stored.job);
        let record = in_time(async { load.await.map_err(ApiError::record) }).await?;
        let age_ms = now_ms - stored.created_ms;
        match record {
            Some(entry) => Ok(Claim::Known(ticket, entry.record.state)),
            None if age_ms >= FIRST_TIME_MAX_MS => Ok(Claim::Publish(ticket)),
            None => Err(in_use(FIRST_TIME_MAX_MS - age_ms.max(0))),
        }
    }
}

async fn in_time<T>(look: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
    match timeout(KEY_TIMEOUT, look).await {
        Ok(seen) => seen,
        Err(_) => Err(ApiError::broker_away("timed out reading the record of the job")),
    }
}

fn reused() -> ApiError {
    let title = "This Idempotency-Key belongs to another request";
    let detail =
        "header Idempotency-Key: was used with a different body; use a new key for a new job";
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused", title, detail)
}

fn unreadable(cause: serde_json::Error) -> ApiError {
    let title = "The value stored under this Idempotency-Key cannot be read";
    let detail = "header Idempotency-Key: its job is no longer known; look for the job in the list, \
                  and use a new key if it is not there";
    ApiError::new(StatusCode::CONFLICT, "idempotency-key-unreadable", title, detail).because(cause)
}

fn in_use(wait_ms: i64) -> ApiError {
    let title = "The first request with this Idempotency-Key is still running";
    let detail = "header Idempotency-Key: its job is not stored yet; repeat the request later";
    let seconds = u64::try_from(wait_ms).unwrap_or(0).div_ceil(1_000).max(1);
    ApiError::new(StatusCode::CONFLICT, "idempotency-key-in-use", title, detail)
        .retry_after(u32::try_from(seconds).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn spec(json: &str) -> JobSpec {
        contract::parse_json(json.as_bytes()).unwrap()
    }

    fn read(values: &[&[u8]]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("idempotency-key", HeaderValue::from_bytes(value).unwrap());
        }
        let spec = spec(r#"{"name":"a","operations":[]}"#);
        Key::read(&headers, &spec).ok()?.map(|key| key.name)
    }

    #[test]
    fn a_key_has_1_to_255_printable_characters() {
        assert_eq!(read(&[b"k"]).unwrap().len(), "idem.".len() + 64);
        assert_eq!(read(&[&[b'~'; 255]]), read(&[&[b'~'; 255]]));
        assert_ne!(read(&[b"k"]), read(&[b"K"]));
        let wrong: [&[&[u8]]; 4] = [&[b""], &[&[b'k'; 256]], &["\u{e4}".as_bytes()], &[b"a", b"a"]];
        for wrong in wrong {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn bodies_with_the_same_spec_have_the_same_fingerprint() {
        let print = |json| {
            let mut headers = HeaderMap::new();
            headers.insert("idempotency-key", HeaderValue::from_static("k"));
            Key::read(&headers, &spec(json)).unwrap().unwrap().fingerprint
        };
        let one = print(r#"{"name":"a","operations":[{"kind":"add","inputs":[1,2]}]}"#);
        let same = print(r#"{ "operations": [{"inputs":[1.0,2],"kind":"add"}], "name": "a" }"#);
        let other = print(r#"{"name":"a","operations":[{"kind":"add","inputs":[1,3]}]}"#);
        assert_eq!(one, same);
        assert_ne!(one, other);
    }
}
