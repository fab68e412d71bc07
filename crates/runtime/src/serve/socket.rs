//! A connection's stream, which records reads and writes.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::{
    connections::OpenConnection,
    error_bodies::{self, ErrorResponse},
    limits::{Protocol, ServerLimits},
};

pub(super) struct Socket {
    stream: TcpStream,
    connection: Arc<OpenConnection>,
    limits: ServerLimits,
    /// The response that replaces one of the HTTP library, while it is being written.
    error_response: Option<ErrorResponse>,
}

impl Socket {
    pub(super) fn new(
        stream: TcpStream,
        connection: Arc<OpenConnection>,
        limits: ServerLimits,
    ) -> Self {
        // Without it small responses wait for the client's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        Self { stream, connection, limits, error_response: None }
    }

    fn note(&self, written: &Poll<io::Result<usize>>, wanted: usize) {
        match written {
            Poll::Ready(Ok(bytes)) if *bytes >= wanted => self.connection.activity.written(),
            Poll::Ready(Ok(bytes)) => self.connection.activity.lagged(*bytes),
            Poll::Pending => self.connection.activity.lagged(0),
            Poll::Ready(Err(_)) => {}
        }
    }

    /// Replaces an error response without a body, which the HTTP library sends itself.
    fn replace_bare_error(&mut self, bytes: &[u8]) {
        let is_http = self.limits.protocol == Protocol::Http;
        if self.error_response.is_none() && is_http && self.connection.activity.is_quiet() {
            self.error_response = ErrorResponse::of(bytes);
        }
    }

    fn write_error_response(&mut self, cx: &mut Context<'_>) -> Option<Poll<io::Result<usize>>> {
        let error_response = self.error_response.as_mut()?;
        while let Some(rest) = error_response.rest() {
            match Pin::new(&mut self.stream).poll_write(cx, rest) {
                Poll::Ready(Ok(0)) => {
                    return Some(Poll::Ready(Err(io::ErrorKind::WriteZero.into())));
                }
                Poll::Ready(Ok(bytes)) => error_response.advance(bytes),
                Poll::Ready(Err(error)) => return Some(Poll::Ready(Err(error))),
                Poll::Pending => {
                    self.connection.activity.lagged(0);
                    return Some(Poll::Pending);
                }
            }
        }
        let original_length = error_response.original_length();
        self.error_response = None;
        Some(Poll::Ready(Ok(original_length)))
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buf);
        match outcome {
            Poll::Ready(Ok(())) if buf.filled().len() > before => self.connection.activity.read(),
            Poll::Pending => self.connection.activity.drained(),
            Poll::Ready(_) => {}
        }
        outcome
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.replace_bare_error(bytes);
        if let Some(written) = self.write_error_response(cx) {
            return written;
        }
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note(&written, bytes.len());
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [only] = slices {
            return self.poll_write(cx, only);
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.note(&written, slices.iter().map(|slice| slice.len()).sum());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let activity = &self.connection.activity;
        if activity.is_lagging() {
            // Unread data would stay in kernel memory for minutes.
            let _ = self.stream.set_zero_linger();
        } else if self.connection.is_closing()
            && self.limits.protocol == Protocol::Http
            && activity.is_in_head()
        {
            // Only as much as fits: a client that sends so slowly may not read either.
            let _ = self.stream.try_write(&error_bodies::head_timeout());
        }
    }
}
