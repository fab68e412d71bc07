//! Query parameters, read strictly: a misspelt filter must not look like one that found nothing.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use runtime::problem::ProblemResponse;

/// Longest value of a parameter, in bytes.
const VALUE_BYTES_MAX: usize = 512;

/// Entries of a list: default and maximum.
const LIMIT_DEFAULT: usize = 20;
const LIMIT_MAX: usize = 500;

/// A query parameter that is unknown, missing or invalid.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BadQuery(String);

/// The parameters of one request. Each is read once; [`end`](Self::end) rejects those that were not read.
#[derive(Debug)]
pub(crate) struct QueryParameters {
    unread: Vec<(String, String)>,
    known: Vec<&'static str>,
}

impl<S: Send + Sync> FromRequestParts<S> for QueryParameters {
    type Rejection = QueryRejection;

    /// Empty values count as absent: forms send their empty fields.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, QueryRejection> {
        let Query(mut unread) =
            Query::<Vec<(String, String)>>::from_request_parts(parts, state).await?;
        unread.retain(|(_, value)| !value.is_empty());
        Ok(Self { unread, known: Vec::new() })
    }
}

impl QueryParameters {
    /// A parameter as text.
    pub(crate) fn text(&mut self, name: &'static str) -> Result<Option<String>, BadQuery> {
        self.known.push(name);
        let mut values = self.unread.extract_if(.., |(found, _)| found == name);
        let value = values.next().map(|(_, value)| value);
        if values.next().is_some() {
            return Err(BadQuery(format!("Parameter {name} is given more than once.")));
        }
        match value {
            Some(value) if value.len() > VALUE_BYTES_MAX => {
                Err(BadQuery(format!("Parameter {name} is longer than {VALUE_BYTES_MAX} bytes.")))
            }
            value => Ok(value),
        }
    }

    /// A parameter converted by `read`; `expected` completes the error "must be …".
    pub(crate) fn read<T>(
        &mut self,
        name: &'static str,
        expected: impl Display,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, BadQuery> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let value = read(&text);
        value.map(Some).ok_or_else(|| BadQuery(format!("Parameter {name} must be {expected}.")))
    }

    /// A parameter parsed as a `T`.
    pub(crate) fn parse<T: FromStr<Err: Display>>(
        &mut self,
        name: &'static str,
    ) -> Result<Option<T>, BadQuery> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let value = text.parse::<T>();
        value.map(Some).map_err(|error| BadQuery(format!("Parameter {name}: {error}.")))
    }

    /// Parameter `limit`: maximum number of entries in a list.
    pub(crate) fn limit(&mut self) -> Result<usize, BadQuery> {
        let in_range =
            |text: &str| text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
        let limit =
            self.read("limit", format_args!("a whole number from 1 to {LIMIT_MAX}"), in_range);
        Ok(limit?.unwrap_or(LIMIT_DEFAULT))
    }

    /// Rejects parameters that were not read.
    pub(crate) fn end(self) -> Result<(), BadQuery> {
        match self.unread.first() {
            None => Ok(()),
            Some((name, _)) => Err(BadQuery(format!(
                "Unknown parameter {name:?}; known parameters: {}.",
                self.known.join(", ")
            ))),
        }
    }
}

impl BadQuery {
    /// A required parameter is missing; `expected` describes it.
    pub(crate) fn missing(name: &str, expected: &str) -> Self {
        Self(format!("Parameter {name} is missing: {expected}."))
    }
}

impl IntoResponse for BadQuery {
    fn into_response(self) -> Response {
        let status = StatusCode::BAD_REQUEST;
        ProblemResponse::new(status, "bad-query", "The query is invalid", self.0).into_response()
    }
}
