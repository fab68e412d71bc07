//! One part of the lab as an HTTP server.

use std::time::Duration;

use anyhow::Context as _;
use contract::api::Problem;
use reqwest::{RequestBuilder, Response, StatusCode, header};
use serde::de::DeserializeOwned;
use url::{Host, Url};

use super::{
    error::{ClientError, why},
    sse::EventStream,
};

/// How long a connection may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// How long a request may take in all; the gateway itself gives up earlier.
const REQUEST_LIMIT: Duration = Duration::from_secs(15);
/// Largest answer, in bytes: a trace of ten thousand spans.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// A server of the lab.
#[derive(Debug, Clone)]
pub(super) struct Http {
    part: &'static str,
    base: String,
    client: reqwest::Client,
}

/// An answer, read to its end.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) retry_after: Option<u64>,
    pub(super) body: Vec<u8>,
}

impl Http {
    pub(super) fn new(part: &'static str, base: &Url) -> anyhow::Result<Self> {
        let mut builder =
            reqwest::Client::builder().connect_timeout(CONNECT_LIMIT).timeout(REQUEST_LIMIT);
        if is_this_machine(base) {
            // A proxy would look for the lab on its own machine.
            builder = builder.no_proxy();
        }
        let client = builder.build().context("cannot set up HTTP")?;
        Ok(Self { part, base: base.as_str().trim_end_matches('/').to_owned(), client })
    }

    /// The address without a slash at its end.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    pub(super) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.base))
    }

    pub(super) fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.base))
    }

    pub(super) fn delete(&self, path: &str) -> RequestBuilder {
        self.client.delete(format!("{}{path}", self.base))
    }

    /// Sends it and reads the answer, which must be a success and a `T`.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
    ) -> Result<T, ClientError> {
        let answer = self.answer(request).await?;
        if answer.status.is_success() {
            let read = serde_json::from_slice(&answer.body);
            return read
                .map_err(|error| self.strange(format!("its answer cannot be read: {error}")));
        }
        Err(self.refused(answer))
    }

    /// Sends it; the answer must be a success and may be empty.
    pub(super) async fn tell(&self, request: RequestBuilder) -> Result<(), ClientError> {
        let answer = self.answer(request).await?;
        if answer.status.is_success() { Ok(()) } else { Err(self.refused(answer)) }
    }

    fn refused(&self, answer: Answer) -> ClientError {
        let Answer { status, retry_after, body } = answer;
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => ClientError::Refused {
                part: self.part,
                status: status.as_u16(),
                problem: Box::new(problem),
                retry_after,
            },
            Err(_) => self.strange(format!("it answers {status}")),
        }
    }

    /// Sends it and opens the stream of events that answers it. The stream may last up to `limit`.
    pub(super) async fn events(
        &self,
        request: RequestBuilder,
        limit: Duration,
    ) -> Result<EventStream, ClientError> {
        let request = request.header(header::ACCEPT, "text/event-stream").timeout(limit);
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() {
            return Ok(EventStream::new(response, self.base.clone()));
        }
        let (status, retry_after) =
            (response.status(), header_number(&response, header::RETRY_AFTER));
        let body = self.body(response).await?;
        Err(self.refused(Answer { status, retry_after, body }))
    }

    /// Sends it and reads the answer, whatever it is.
    pub(super) async fn answer(&self, request: RequestBuilder) -> Result<Answer, ClientError> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        Ok(Answer {
            status: response.status(),
            retry_after: header_number(&response, header::RETRY_AFTER),
            body: self.body(response).await?,
        })
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, ClientError> {
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            if body.len() + piece.len() > ANSWER_BYTES_MAX {
                return Err(self.strange(format!("its answer is over {ANSWER_BYTES_MAX} bytes")));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    fn unreachable(&self, error: &reqwest::Error) -> ClientError {
        ClientError::Unreachable { part: self.part, url: self.base.clone(), why: why(error) }
    }

    /// Says that this is no such part.
    pub(super) fn strange(&self, why: String) -> ClientError {
        ClientError::Strange { part: self.part, url: self.base.clone(), why }
    }
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn header_number(response: &Response, name: header::HeaderName) -> Option<u64> {
    response.headers().get(name)?.to_str().ok()?.parse().ok()
}
