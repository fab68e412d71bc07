//! Makes submissions repeatable: a client's key stands for one job, whatever happens to the answers.

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
/// Time one look into the bucket of keys may take.
const KEY_TIME_MAX: Duration = Duration::from_secs(2);
/// How long the first submission may take; a repeat that finds no job after it publishes again.
const FIRST_TIME_MAX_MS: i64 = 5_000;
/// What a client does whose key could not be noted.
const ADVICE: &str = "Repeat with your Idempotency-Key: it stays one job.";

/// The key of one submission and what it was sent with.
#[derive(Debug)]
pub(crate) struct Key {
    name: String,
    fingerprint: String,
}

/// What is kept under a key.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    fingerprint: String,
    job: JobId,
    created_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    root: Option<TraceParent>,
}

/// What a submission with a key is to do.
#[derive(Debug)]
pub(crate) enum Claim {
    /// Publish the job of this ticket: the fresh one, or an earlier one that perhaps went nowhere.
    Publish(Ticket),
    /// Nothing: the job of this ticket is there, and in this state.
    Known(Ticket, JobState),
}

impl Key {
    /// The key that the request carries. Bodies are the same when they ask for the same job.
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

    /// Takes the key for the job of `fresh`, or finds out which job it stands for.
    pub(crate) async fn claim(&self, broker: &Broker, fresh: Ticket) -> Result<Claim, ApiError> {
        let now_ms = broker.bus.time.now_ms();
        let taken = timeout(KEY_TIME_MAX, self.take(&broker.keys, fresh, now_ms)).await;
        let late = |_| Err(ApiError::not_begun(ADVICE, "the bucket of keys did not answer"));
        match taken.unwrap_or_else(late)? {
            None => Ok(Claim::Publish(fresh)),
            Some(kept) => self.of_kept(broker, kept, now_ms).await,
        }
    }

    /// Gives the key back: its job was refused for good, so it stands for nothing.
    pub(crate) async fn release(&self, broker: &Broker, ticket: Ticket) {
        let release = async {
            let entry = broker.keys.entry(self.name.as_str()).await.ok()??;
            let kept: Kept = serde_json::from_slice(&entry.value).ok()?;
            if kept.job == ticket.job {
                let ours = Some(entry.revision);
                broker.keys.delete_expect_revision(self.name.as_str(), ours).await.ok()?;
            }
            Some(())
        };
        // If it stays, repeats within the next seconds are told to wait.
        let _ = timeout(KEY_TIME_MAX, release).await;
    }

    /// `None` when the key is ours now, else what is kept under it.
    async fn take(
        &self,
        keys: &kv::Store,
        fresh: Ticket,
        now_ms: i64,
    ) -> Result<Option<Kept>, ApiError> {
        let fingerprint = self.fingerprint.clone();
        let kept = Kept { fingerprint, job: fresh.job, created_ms: now_ms, root: fresh.root };
        let value = serde_json::to_vec(&kept).map_err(ApiError::internal)?;
        match keys.create(self.name.as_str(), value.into()).await {
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == CreateErrorKind::AlreadyExists => {}
            Err(error) if bus::is_full(&error) => {
                return Err(ApiError::full("store of idempotency keys").because(error));
            }
            Err(error) => return Err(ApiError::not_begun(ADVICE, error)),
        }
        let entry = keys.entry(self.name.as_str()).await.map_err(ApiError::broker_away)?;
        let Some(entry) = entry.filter(|entry| entry.operation == Operation::Put) else {
            return Err(in_use(1));
        };
        serde_json::from_slice(&entry.value).map(Some).map_err(unreadable)
    }

    async fn of_kept(&self, broker: &Broker, kept: Kept, now_ms: i64) -> Result<Claim, ApiError> {
        if kept.fingerprint != self.fingerprint {
            return Err(reused());
        }
        let ticket = Ticket { job: kept.job, root: kept.root };
        let load = broker.bus.records.load(kept.job);
        let record = in_time(async { load.await.map_err(ApiError::record) }).await?;
        let age_ms = now_ms - kept.created_ms;
        match record {
            Some(entry) => Ok(Claim::Known(ticket, entry.record.state)),
            None if age_ms >= FIRST_TIME_MAX_MS => Ok(Claim::Publish(ticket)),
            None => Err(in_use(FIRST_TIME_MAX_MS - age_ms.max(0))),
        }
    }
}

async fn in_time<T>(look: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
    match timeout(KEY_TIME_MAX, look).await {
        Ok(seen) => seen,
        Err(_) => Err(ApiError::broker_away("the bucket of keys did not answer in time")),
    }
}

fn reused() -> ApiError {
    let title = "This Idempotency-Key belongs to another request";
    let detail = "header Idempotency-Key: was used with another body; use a new key for a new job";
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused", title, detail)
}

fn unreadable(cause: serde_json::Error) -> ApiError {
    let title = "What is kept under this Idempotency-Key cannot be read";
    let detail = "header Idempotency-Key: the job it stands for is not known any more; look for the job in the list, \
                  and use a new key if it is not there";
    ApiError::new(StatusCode::CONFLICT, "idempotency-key-unreadable", title, detail).because(cause)
}

fn in_use(wait_ms: i64) -> ApiError {
    let title = "The first request with this Idempotency-Key is still running";
    let detail = "header Idempotency-Key: its job is not there yet; repeat the request later";
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
    fn bodies_that_ask_for_the_same_job_have_the_same_fingerprint() {
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
