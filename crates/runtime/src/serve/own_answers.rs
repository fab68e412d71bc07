//! Problem bodies for errors before there is a request: the HTTP library refuses heads that it cannot read with a bare
//! status.

use axum::http::StatusCode;

use crate::problem::ProblemResponse;

/// How the HTTP library's own refusals begin and what they hold: they are the only ones without a body that
/// also close the connection.
const START: &[u8] = b"HTTP/1.1 4";
const EMPTY: &str = "content-length: 0\r\n";
const CLOSES: &str = "connection: close\r\n";
const HEAD_END: &str = "\r\n\r\n";

/// A refusal that was given a body, as it is written piece by piece.
pub(super) struct Filled {
    text: Vec<u8>,
    written: usize,
    stands_for: usize,
}

impl Filled {
    /// `None` unless `bytes` are a refusal of the HTTP library itself.
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
        Some(Self { text: (head + &body).into(), written: 0, stands_for: bytes.len() })
    }

    /// What is still to be written.
    pub(super) fn rest(&self) -> Option<&[u8]> {
        self.text.get(self.written..).filter(|rest| !rest.is_empty())
    }

    pub(super) fn advance(&mut self, bytes: usize) {
        self.written += bytes;
    }

    /// The length of what the HTTP library wrote.
    pub(super) fn stands_for(&self) -> usize {
        self.stands_for
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
    fn a_bare_refusal_gets_a_problem_as_its_body() {
        let mut filled = Filled::of(REFUSAL.as_bytes()).unwrap();
        assert_eq!(filled.stands_for(), REFUSAL.len());
        let text = String::from_utf8(filled.rest().unwrap().to_vec()).unwrap();
        let (head, body) = text.split_once(HEAD_END).unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
        let problem: contract::api::Problem = serde_json::from_str(body).unwrap();
        assert_eq!(problem.status, 400);
        filled.advance(text.len());
        assert!(filled.rest().is_none());
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
            assert!(Filled::of(other.as_bytes()).is_none(), "{other}");
        }
    }
}
