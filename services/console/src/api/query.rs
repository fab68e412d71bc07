//! Query parameters, read strictly: a misspelt filter must not look like one that found nothing.

use std::fmt::Display;
use std::str::FromStr;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use runtime::problem::ProblemResponse;

/// Longest value of a parameter, in bytes.
const VALUE_BYTES_MAX: usize = 512;

/// Entries of a list: default and maximum.
const LIMIT_DEFAULT: usize = 20;
const LIMIT_MAX: usize = 500;

/// A query parameter that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BadQuery(String);

/// The parameters of one request; each is taken once, what is left over is an error.
#[derive(Debug)]
pub(crate) struct Parameters {
    given: Vec<(String, String)>,
    known: Vec<&'static str>,
}

/// The parameters as axum reads them.
pub(crate) type RawQuery = axum::extract::Query<Vec<(String, String)>>;

impl Parameters {
    /// Empty values count as absent, so that a form's empty fields ask for nothing.
    pub(crate) fn of(axum::extract::Query(mut given): RawQuery) -> Self {
        given.retain(|(_, value)| !value.is_empty());
        Self { given, known: Vec::new() }
    }

    /// The text of a parameter.
    pub(crate) fn text(&mut self, name: &'static str) -> Result<Option<String>, BadQuery> {
        self.known.push(name);
        let mut values = self.given.extract_if(.., |(given, _)| given == name);
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

    /// A parameter read by `read`; `expected` says what it must be.
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

    /// A parameter that says how to read itself.
    pub(crate) fn parse<T: FromStr<Err: Display>>(
        &mut self,
        name: &'static str,
    ) -> Result<Option<T>, BadQuery> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let value = text.parse::<T>();
        value.map(Some).map_err(|error| BadQuery(format!("Parameter {name}: {error}.")))
    }

    /// How many entries the answer may have.
    pub(crate) fn limit(&mut self) -> Result<usize, BadQuery> {
        let in_range =
            |text: &str| text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
        let limit =
            self.read("limit", format_args!("a whole number from 1 to {LIMIT_MAX}"), in_range);
        Ok(limit?.unwrap_or(LIMIT_DEFAULT))
    }

    /// Checks that nothing is left over.
    pub(crate) fn end(self) -> Result<(), BadQuery> {
        match self.given.first() {
            None => Ok(()),
            Some((name, _)) => Err(BadQuery(format!(
                "Unknown parameter {name:?}; known parameters: {}.",
                self.known.join(", ")
            ))),
        }
    }
}

impl BadQuery {
    /// A parameter that must be given is not.
    pub(crate) fn missing(name: &str, what: &str) -> Self {
        Self(format!("Parameter {name} is missing: {what}."))
    }
}

impl IntoResponse for BadQuery {
    fn into_response(self) -> Response {
        let status = StatusCode::BAD_REQUEST;
        ProblemResponse::new(status, "bad-query", "The query is invalid", self.0).into_response()
    }
}
