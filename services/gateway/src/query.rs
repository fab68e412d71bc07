//! Query parameters of lists: only known ones, each at most once, with valid values.

use axum::http::Uri;
use contract::api::{LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX};

use crate::error::ApiError;

/// Entries on a page.
pub(crate) const LIMIT: &str = "limit";
/// Where the previous page ended.
pub(crate) const CURSOR: &str = "cursor";

/// The parameters of one request.
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the parameters; only those in `known` may occur.
    pub(crate) fn read(uri: &Uri, known: &[&str]) -> Result<Self, ApiError> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (name, value) in url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
        {
            if !known.contains(&name.as_ref()) {
                let problem =
                    format!("is not a parameter of this call; it has {}", known.join(", "));
                return Err(ApiError::parameter(&shown(&name), problem));
            }
            if pairs.iter().any(|(before, _)| *before == name) {
                return Err(ApiError::parameter(&name, "must be given only once"));
            }
            pairs.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(pairs))
    }

    /// The value of `name` as `parse` reads it; `must` describes valid values in the error.
    pub(crate) fn get<T>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Option<T>,
        must: &str,
    ) -> Result<Option<T>, ApiError> {
        let Some((_, value)) = self.0.iter().find(|(given, _)| given == name) else {
            return Ok(None);
        };
        match parse(value) {
            Some(value) => Ok(Some(value)),
            None => Err(ApiError::parameter(name, format!("must be {must}"))),
        }
    }

    /// The requested number of entries on a page.
    pub(crate) fn limit(&self) -> Result<usize, ApiError> {
        let within = |value: &str| {
            let limit = value.parse().ok()?;
            (1..=LIST_LIMIT_MAX).contains(&limit).then_some(limit)
        };
        let limit = self.get(LIMIT, within, &format!("a number from 1 to {LIST_LIMIT_MAX}"))?;
        Ok(limit.unwrap_or(LIST_LIMIT_DEFAULT))
    }
}

/// Lists the allowed values for an error message.
pub(crate) fn one_of(names: impl IntoIterator<Item = &'static str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    format!("one of {}", names.join(", "))
}

/// A name from the request, shortened for an error message.
fn shown(name: &str) -> String {
    name.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(query: &str) -> Option<usize> {
        let uri: Uri = format!("/v1/jobs?{query}").parse().unwrap();
        Query::read(&uri, &[LIMIT, CURSOR]).ok()?.limit().ok()
    }

    #[test]
    fn a_limit_is_a_number_within_its_bounds() {
        assert_eq!(limit(""), Some(LIST_LIMIT_DEFAULT));
        assert_eq!(limit("limit=1&cursor=x"), Some(1));
        assert_eq!(limit("limit=%35"), Some(5));
        for wrong in ["limit=0", "limit=501", "limit=-1", "limit=", "limit=1&limit=1", "size=1"] {
            assert_eq!(limit(wrong), None, "{wrong}");
        }
    }
}
