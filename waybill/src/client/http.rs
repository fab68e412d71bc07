//! An HTTP client for one part of the lab.

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

/// Connect timeout.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Request timeout; the gateway's own is shorter.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// Largest response body, in bytes: a trace of ten thousand spans.
const BODY_BYTES_MAX: usize = 64 << 20;

/// The client of one server of the lab.
#[derive(Debug, Clone)]
pub(super) struct Http {
    part: &'static str,
    base: String,
    client: reqwest::Client,
}

/// A response with its body.
pub(super) struct FullResponse {
    pub(super) status: StatusCode,
    pub(super) retry_after: Option<u64>,
    pub(super) body: Vec<u8>,
}

impl Http {
    pub(super) fn new(part: &'static str, base: &Url) -> anyhow::Result<Self> {
        let mut builder =
            reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).timeout(REQUEST_TIMEOUT);
        if is_this_machine(base) {
            // A proxy would connect to its own machine.
            builder = builder.no_proxy();
        }
        let client = builder.build().context("cannot set up HTTP")?;
        Ok(Self { part, base: base.as_str().trim_end_matches('/').to_owned(), client })
    }

    /// The base URL, without a slash at its end.
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

    /// Sends the request; the response must be a success with a `T` as JSON.
    pub(super) async fn fetch<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
    ) -> Result<T, ClientError> {
        let response = self.response(request).await?;
        if response.status.is_success() {
            let read = serde_json::from_slice(&response.body);
            return read.map_err(|error| self.unexpected(format!("invalid response: {error}")));
        }
        Err(self.refused(response))
    }

    /// Sends the request; the response must be a success and may be empty.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<(), ClientError> {
        let response = self.response(request).await?;
        if response.status.is_success() { Ok(()) } else { Err(self.refused(response)) }
    }

    fn refused(&self, response: FullResponse) -> ClientError {
        let FullResponse { status, retry_after, body } = response;
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => ClientError::Refused {
                part: self.part,
                status: status.as_u16(),
                problem: Box::new(problem),
                retry_after,
            },
            Err(_) => self.unexpected(format!("HTTP status {status}")),
        }
    }

    /// Sends the request and opens the event stream in the response, which may last up to `limit`.
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
        Err(self.refused(FullResponse { status, retry_after, body }))
    }

    /// Sends the request and reads the response, whatever its status.
    pub(super) async fn response(
        &self,
        request: RequestBuilder,
    ) -> Result<FullResponse, ClientError> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        Ok(FullResponse {
            status: response.status(),
            retry_after: header_number(&response, header::RETRY_AFTER),
            body: self.body(response).await?,
        })
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, ClientError> {
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            if body.len() + piece.len() > BODY_BYTES_MAX {
                return Err(
                    self.unexpected(format!("the response is larger than {BODY_BYTES_MAX} bytes"))
                );
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    fn unreachable(&self, error: &reqwest::Error) -> ClientError {
        ClientError::Unreachable { part: self.part, url: self.base.clone(), why: why(error) }
    }

    /// The error for a response that is not that of this part.
    pub(super) fn unexpected(&self, why: String) -> ClientError {
        ClientError::Unexpected { part: self.part, url: self.base.clone(), why }
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
