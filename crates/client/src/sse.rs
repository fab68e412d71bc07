//! Server-sent events, read incrementally, with a size limit for each.

use std::time::Duration;

use tokio::time::timeout;

use super::{
    error::{ClientError, NoResponse, UnexpectedResponse},
    http::PartClient,
};

/// Largest event, in bytes: a job with its results.
const EVENT_BYTES_MAX: usize = 1 << 20;
/// Timeout between two chunks; the server sends keep-alive comments.
const READ_TIMEOUT: Duration = Duration::from_secs(45);

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerEvent {
    /// The event type; `message` by default.
    pub name: String,
    /// The data.
    pub data: String,
}

/// The events in a response.
#[derive(Debug)]
pub struct EventStream {
    response: reqwest::Response,
    part: PartClient,
    reader: Reader,
}

impl EventStream {
    pub(crate) fn new(response: reqwest::Response, part: PartClient) -> Self {
        Self { response, part, reader: Reader::default() }
    }

    /// The next event; `None` at the end of the stream.
    pub async fn next(&mut self) -> Result<Option<ServerEvent>, ClientError> {
        loop {
            if let Some(event) = self.reader.take() {
                return Ok(Some(event));
            }
            match timeout(READ_TIMEOUT, self.response.chunk()).await {
                Ok(Ok(Some(piece))) if self.reader.push(&piece) => {}
                Ok(Ok(None)) => return Ok(None),
                Ok(Ok(Some(_))) => {
                    let what = UnexpectedResponse::EventTooLarge(EVENT_BYTES_MAX);
                    return Err(self.part.unexpected(what));
                }
                Ok(Err(error)) => return Err(self.part.unreachable(NoResponse::of_body(&error))),
                Err(_) => {
                    let silent = NoResponse::BrokenOff("the event stream timed out".to_owned());
                    return Err(self.part.unreachable(silent));
                }
            }
        }
    }
}

/// Parses bytes into events.
#[derive(Debug, Default)]
struct Reader {
    bytes: Vec<u8>,
    /// Bytes searched for the end of a line so far.
    searched: usize,
    name: String,
    data: Option<String>,
}

impl Reader {
    /// Adds a chunk; false if the current event is too large.
    fn push(&mut self, piece: &[u8]) -> bool {
        let kept = self.bytes.len() + self.data.as_ref().map_or(0, String::len);
        if kept + piece.len() > EVENT_BYTES_MAX + piece.len().min(64 * 1024) {
            return false;
        }
        self.bytes.extend_from_slice(piece);
        true
    }

    /// The next complete event.
    fn take(&mut self) -> Option<ServerEvent> {
        while let Some(line) = self.line() {
            if !line.is_empty() {
                self.field(&line);
                continue;
            }
            let name = std::mem::take(&mut self.name);
            // Events without data are ignored, as the specification demands.
            if let Some(data) = self.data.take() {
                let name = if name.is_empty() { "message".to_owned() } else { name };
                return Some(ServerEvent { name, data });
            }
        }
        None
    }

    fn field(&mut self, line: &str) {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            _ => {}
        }
    }

    /// The next complete line, without LF or CR LF.
    fn line(&mut self) -> Option<String> {
        let found = self.bytes[self.searched..].iter().position(|byte| *byte == b'\n');
        let Some(end) = found.map(|place| self.searched + place) else {
            self.searched = self.bytes.len();
            return None;
        };
        let rest = self.bytes.split_off(end + 1);
        let line = std::mem::replace(&mut self.bytes, rest);
        self.searched = 0;
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        Some(String::from_utf8_lossy(line).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(pieces: &[&[u8]]) -> Vec<ServerEvent> {
        let mut reader = Reader::default();
        let mut events = Vec::new();
        for piece in pieces {
            assert!(reader.push(piece));
            events.extend(std::iter::from_fn(|| reader.take()));
        }
        events
    }

    fn event(name: &str, data: &str) -> ServerEvent {
        ServerEvent { name: name.to_owned(), data: data.to_owned() }
    }

    const TEXT: &str = ": hello\n\nevent: state\r\ndata: {\"a\":1}\r\n\r\nid: 7\ndata:one\ndata: two\n\nevent: x\n\ndata: unfinished";

    #[test]
    fn events_are_read_and_comments_and_incomplete_events_are_not() {
        let expected = [event("state", "{\"a\":1}"), event("message", "one\ntwo")];
        assert_eq!(read(&[TEXT.as_bytes()]), expected);
    }

    #[test]
    fn an_event_without_end_is_refused() {
        let mut reader = Reader::default();
        let mut pushed = 0;
        while reader.push(&[b'x'; 4_096]) {
            assert!(reader.take().is_none());
            pushed += 4_096;
            assert!(pushed <= EVENT_BYTES_MAX + 64 * 1024);
        }
        let mut lines = Reader::default();
        while lines.push(b"data: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n") {
            assert!(lines.take().is_none());
        }
    }

    proptest! {
        #[test]
        fn events_are_independent_of_chunk_boundaries(cuts in proptest::collection::vec(0usize..TEXT.len(), 0..8)) {
            let mut cuts = cuts;
            cuts.extend([0, TEXT.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> =
                cuts.windows(2).map(|pair| &TEXT.as_bytes()[pair[0]..pair[1]]).collect();
            prop_assert_eq!(read(&pieces), read(&[TEXT.as_bytes()]));
        }

        #[test]
        fn no_bytes_break_the_reader(bytes: Vec<u8>) {
            let _ = read(&[&bytes]);
        }
    }
}
