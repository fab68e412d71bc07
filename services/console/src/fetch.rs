//! An HTTP client for other parts of the lab, limited in time and size; its errors can be shown on a page.

use std::time::Duration;

use anyhow::Context as _;
use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{RequestBuilder, Response};

/// A client for the lab's own parts.
#[derive(Debug, Clone)]
pub(crate) struct Fetcher {
    pub(crate) client: reqwest::Client,
    limit: Duration,
}

/// Why a request failed; the text follows the name of the part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoAnswer {
    #[error("did not respond within {0:?}")]
    Slow(Duration),
    #[error("cannot be reached")]
    Unreachable,
    #[error("closed the connection before the end of its response")]
    BrokenOff,
    #[error("responded with status {0}")]
    Status(u16),
    #[error("sent more than {0} bytes")]
    TooLarge(usize),
}

/// A response with status 200.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The response's media type; empty without one.
    pub(crate) media: String,
    pub(crate) body: Bytes,
}

impl Fetcher {
    /// `limit` is the timeout of a request, including its whole response.
    pub(crate) fn new(limit: Duration) -> anyhow::Result<Self> {
        let client = client::http_builder(limit)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .context("cannot build the HTTP client")?;
        Ok(Self { client, limit })
    }

    /// The response of `url`; an error if it is larger than `bytes_max`.
    pub(crate) async fn get(
        &self,
        url: url::Url,
        accept: &str,
        bytes_max: usize,
    ) -> Result<Answer, NoAnswer> {
        let answer = self.send(self.client.get(url).header(ACCEPT, accept)).await?;
        if answer.status() != reqwest::StatusCode::OK {
            return Err(NoAnswer::Status(answer.status().as_u16()));
        }
        let media = answer.headers().get(CONTENT_TYPE).and_then(|media| media.to_str().ok());
        let media = media.unwrap_or_default().to_owned();
        Ok(Answer { media, body: self.body(answer, bytes_max).await? })
    }

    /// The head of the response, with any status.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Response, NoAnswer> {
        request.send().await.map_err(|error| self.no_answer(&error, NoAnswer::Unreachable))
    }

    /// The body of the response.
    pub(crate) async fn body(
        &self,
        mut answer: Response,
        bytes_max: usize,
    ) -> Result<Bytes, NoAnswer> {
        let mut body = BytesMut::new();
        let broken_off = |error| self.no_answer(&error, NoAnswer::BrokenOff);
        while let Some(part) = answer.chunk().await.map_err(broken_off)? {
            if body.len() + part.len() > bytes_max {
                return Err(NoAnswer::TooLarge(bytes_max));
            }
            body.extend_from_slice(&part);
        }
        Ok(body.freeze())
    }

    fn no_answer(&self, error: &reqwest::Error, otherwise: NoAnswer) -> NoAnswer {
        tracing::debug!(%error, "request failed");
        if error.is_timeout() { NoAnswer::Slow(self.limit) } else { otherwise }
    }
}
