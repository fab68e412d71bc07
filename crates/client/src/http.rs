//! An HTTP client for one part of the lab.

use std::time::Duration;

use anyhow::Context as _;
use contract::api::Problem;
use reqwest::{
    RequestBuilder, Response, StatusCode,
    header::{self, HeaderMap},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::{
    builder::http_builder_for,
    error::{ClientError, NoResponse, UnexpectedResponse},
    sse::EventStream,
};

/// Connect timeout.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Largest response body, in bytes: a trace of ten thousand spans.
const BODY_BYTES_MAX: usize = 64 << 20;

/// The client of one server of the lab.
#[derive(Debug, Clone)]
pub struct PartClient {
    part: &'static str,
    base: String,
    client: reqwest::Client,
    body_bytes_max: usize,
}

/// A response with its body.
#[derive(Debug, Clone)]
pub struct FullResponse {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl PartClient {
    /// The part at `base`, with a client of its own and this timeout for a request.
    pub(crate) fn new(part: &'static str, base: &Url, timeout: Duration) -> anyhow::Result<Self> {
        let builder = http_builder_for(base, timeout).connect_timeout(CONNECT_TIMEOUT);
        let client =
            builder.build().with_context(|| format!("cannot build the HTTP client for {base}"))?;
        Ok(Self::over(client, part, base))
    }

    /// The part at `base`, through a client that exists.
    pub(crate) fn over(client: reqwest::Client, part: &'static str, base: &Url) -> Self {
        let base = base.as_str().trim_end_matches('/').to_owned();
        Self { part, base, client, body_bytes_max: BODY_BYTES_MAX }
    }

    pub(crate) fn with_body_bytes_max(self, body_bytes_max: usize) -> Self {
        Self { body_bytes_max, ..self }
    }

    /// The base URL, without a slash at its end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// A GET of `path`.
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.base))
    }

    /// A POST to `path`.
    pub fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.base))
    }

    /// A DELETE of `path`.
    pub fn delete(&self, path: &str) -> RequestBuilder {
        self.client.delete(format!("{}{path}", self.base))
    }

    /// Sends the request; the response must be a success with a `T` as JSON.
    pub async fn fetch<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
    ) -> Result<T, ClientError> {
        self.fetch_whole(request).await.map(|(value, _)| value)
    }

    /// The same, with the headers of the response.
    pub(crate) async fn fetch_whole<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
    ) -> Result<(T, HeaderMap), ClientError> {
        let response = self.response(request).await?;
        if !response.status.is_success() {
            return Err(self.refused(&response));
        }
        Ok((self.json(&response.body)?, response.headers))
    }

    /// Sends the request; the response must be a success and may be empty.
    pub async fn send(&self, request: RequestBuilder) -> Result<(), ClientError> {
        let response = self.response(request).await?;
        if response.status.is_success() { Ok(()) } else { Err(self.refused(&response)) }
    }

    /// Sends the request and reads the response, whatever its status.
    pub async fn response(&self, request: RequestBuilder) -> Result<FullResponse, ClientError> {
        let response = self.start(request).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        Ok(FullResponse { status, headers, body: self.body(response).await? })
    }

    /// Sends the request; returns the status and the body as JSON, whatever the status.
    pub async fn status_and_json(
        &self,
        request: RequestBuilder,
    ) -> Result<(StatusCode, Value), ClientError> {
        let FullResponse { status, body, .. } = self.response(request).await?;
        Ok((status, self.json(&body)?))
    }

    /// Sends the request and opens the event stream in the response, which may last up to `limit`.
    pub(crate) async fn events(
        &self,
        request: RequestBuilder,
        limit: Duration,
    ) -> Result<EventStream, ClientError> {
        let request = request.header(header::ACCEPT, "text/event-stream").timeout(limit);
        let response = self.start(request).await?;
        if response.status().is_success() {
            return Ok(EventStream::new(response, self.clone()));
        }
        let (status, headers) = (response.status(), response.headers().clone());
        let body = self.body(response).await?;
        Err(self.refused(&FullResponse { status, headers, body }))
    }

    async fn start(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let response = request.send().await;
        response.map_err(|error| self.unreachable(NoResponse::of_request(&error)))
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, ClientError> {
        let mut body = Vec::new();
        let broken_off = |error| self.unreachable(NoResponse::of_body(&error));
        while let Some(piece) = response.chunk().await.map_err(broken_off)? {
            if body.len() + piece.len() > self.body_bytes_max {
                return Err(self.unexpected(UnexpectedResponse::TooLarge(self.body_bytes_max)));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    fn json<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, ClientError> {
        let invalid = |error| UnexpectedResponse::Invalid(format!("invalid response: {error}"));
        serde_json::from_slice(body).map_err(|error| self.unexpected(invalid(error)))
    }

    fn refused(&self, response: &FullResponse) -> ClientError {
        let FullResponse { status, headers, body } = response;
        let retry_after = || headers.get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok();
        match serde_json::from_slice::<Problem>(body) {
            Ok(problem) => ClientError::Refused {
                part: self.part,
                status: status.as_u16(),
                problem: Box::new(problem),
                retry_after: retry_after(),
            },
            Err(_) => self.unexpected(UnexpectedResponse::Status(*status)),
        }
    }

    /// The error for no response.
    pub(crate) fn unreachable(&self, cause: NoResponse) -> ClientError {
        ClientError::Unreachable { part: self.part, url: self.base.clone(), cause }
    }

    /// The error for a response that is not that of this part.
    pub(crate) fn unexpected(&self, what: UnexpectedResponse) -> ClientError {
        ClientError::Unexpected { part: self.part, url: self.base.clone(), what }
    }
}
