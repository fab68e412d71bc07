//! Parsing JSON from outside, with errors that name the field.

use serde::de::DeserializeOwned;

/// Why a body could not be read. `field` is a path such as `operations[2].inputs`, or `body`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct BodyError {
    /// Where in the body the problem is.
    pub field: String,
    /// What is wrong there.
    pub problem: String,
}

impl BodyError {
    /// An error at `field`.
    pub fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into() }
    }
}

/// Parses `bytes`, which must be a JSON object, as `T`. Depth is limited by serde_json (128 levels), size by the caller.
pub fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BodyError> {
    // serde would also read a struct from an array, field by field.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(BodyError::new("body", "must be a JSON object"));
    }
    // To keep track of where one is costs as much as the reading. Only who must be told where it failed pays.
    if let Ok(value) = serde_json::from_slice(bytes) {
        return Ok(value);
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        // A key may be empty, and then so is the path to it.
        let field = if matches!(&*path, "." | "?" | "") { "body".to_owned() } else { path };
        BodyError::new(field, error.into_inner().to_string())
    })?;
    json.end().map_err(|error| BodyError::new("body", error.to_string()))?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_always_names_a_field() {
        for (json, field) in [
            ("", "body"),
            ("{", "body"),
            ("{}x", "body"),
            (r#"{"":x}"#, "body"),
            (r#"{"a":{"b":x}}"#, "a.b"),
            (r#"{"a":[1,x]}"#, "a[1]"),
        ] {
            let error = parse_json::<serde_json::Value>(json.as_bytes()).unwrap_err();
            assert_eq!(error.field, field, "{json}");
        }
    }
}
