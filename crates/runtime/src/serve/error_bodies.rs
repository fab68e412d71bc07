//! Adds problem bodies to the HTTP library's own error responses: it rejects an unreadable head with a status and no body.

use axum::http::StatusCode;

use crate::problem::ProblemResponse;

/// Start and content of the HTTP library's own error responses: the only ones without a body that close the connection.
const START: &[u8] = b"HTTP/1.1 4";
const EMPTY: &str = "content-length: 0\r\n";
const CLOSES: &str = "connection: close\r\n";
const HEAD_END: &str = "\r\n\r\n";

/// An error response with a body, and how much of it is written.
pub(super) struct ErrorResponse {
    text: Vec<u8>,
    written: usize,
    original_length: usize,
}

impl ErrorResponse {
    /// `None` unless `bytes` are an error response of the HTTP library itself.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        if !bytes.starts_with(START) {
            return None;
        }
        let head = std::str::from_utf8(bytes).ok()?;
        let is_bare = head.find(HEAD_END)? + HEAD_END.len() == head.len();
        if !is_bare || !head.contains(EMPTY) || !head.contains(CLOSES) {
            return None;
        }
        let status = StatusCode::from_bytes(head.as_bytes().get(9..12)?).ok()?;
        let body = body(status);
        let with_body = head_lines(&body);
        let head = head.replacen(EMPTY, &with_body, 1);
        Some(Self { text: (head + &body).into(), written: 0, original_length: bytes.len() })
    }

    /// The bytes that are not written yet.
    pub(super) fn rest(&self) -> Option<&[u8]> {
        self.text.get(self.written..).filter(|rest| !rest.is_empty())
    }

    pub(super) fn advance(&mut self, bytes: usize) {
        self.written += bytes;
    }

    /// Length of the HTTP library's response.
    pub(super) fn original_length(&self) -> usize {
        self.original_length
    }
}

/// The response to a head that does not end in time.
pub(super) fn head_timeout() -> Vec<u8> {
    let body = body(StatusCode::REQUEST_TIMEOUT);
    let lines = head_lines(&body);
    format!("HTTP/1.1 408 Request Timeout\r\n{lines}{CLOSES}\r\n{body}").into()
}

fn head_lines(body: &str) -> String {
    let media = contract::api::PROBLEM_JSON;
    let length = body.len();
    format!(
        "content-type: {media}\r\nx-content-type-options: nosniff\r\ncontent-length: {length}\r\n"
    )
}

fn body(status: StatusCode) -> String {
    let (name, title, detail) = match status {
        StatusCode::REQUEST_TIMEOUT => (
            "request-timeout",
            "The request took too long to arrive",
            "The head of the request was not complete in time.",
        ),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => (
            "head-too-large",
            "The head of the request is too large",
            "Request line and headers must be at most 32 KiB and 100 headers.",
        ),
        StatusCode::URI_TOO_LONG => (
            "uri-too-long",
            "The address is too long",
            "Request line and headers must be at most 32 KiB.",
        ),
        _ => (
            "malformed-request",
            "The request is not HTTP",
            "The request line or a header cannot be parsed. Spaces, < > and non-ASCII characters in an address must be percent-encoded.",
        ),
    };
    let problem = ProblemResponse::new(status, name, title, detail).0;
    serde_json::to_string(&problem).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSAL: &str = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\ndate: Sat, 28 Nov 2026 00:00:00 GMT\r\n\r\n";

    #[test]
    fn a_response_without_a_body_gets_a_problem() {
        let mut error_response = ErrorResponse::of(REFUSAL.as_bytes()).unwrap();
        assert_eq!(error_response.original_length(), REFUSAL.len());
        let text = String::from_utf8(error_response.rest().unwrap().to_vec()).unwrap();
        let (head, body) = text.split_once(HEAD_END).unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
        let problem: contract::api::Problem = serde_json::from_str(body).unwrap();
        assert_eq!(problem.status, 400);
        error_response.advance(text.len());
        assert!(error_response.rest().is_none());
    }

    #[test]
    fn other_responses_stay_as_they_are() {
        for other in [
            REFUSAL.replace("400", "200"),
            REFUSAL.replace("content-length: 0", "content-length: 7"),
            REFUSAL.replace("connection: close\r\n", ""),
            REFUSAL.to_owned() + "more",
            REFUSAL.trim_end().to_owned(),
        ] {
            assert!(ErrorResponse::of(other.as_bytes()).is_none(), "{other}");
        }
    }
}
