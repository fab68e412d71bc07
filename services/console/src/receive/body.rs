//! Reads a request's body within its limit, unpacked if it was packed.

use std::io::Read;

use axum::extract::Request;
use axum::http::header::CONTENT_ENCODING;
use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt;

use super::EXPORT_BYTES_MAX;

/// Bytes of an oversized body that are read and thrown away, so that the sender gets to read the answer:
/// most send the whole body first, and a connection closed on them hides it.
const DISCARDED_MAX: usize = 8 * EXPORT_BYTES_MAX;

/// Why a body could not be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("an export may have {EXPORT_BYTES_MAX} bytes; send smaller batches")]
    TooLarge,
    #[error("Content-Encoding must be gzip or absent")]
    Encoding,
    #[error("the body is not gzip")]
    NotGzip,
    #[error("the body ended early")]
    Incomplete,
}

/// The body as it was before packing.
pub(super) async fn read(request: Request) -> Result<Bytes, Unreadable> {
    let encoding = request.headers().get(CONTENT_ENCODING).map(|name| name.as_bytes().to_vec());
    let body = collect(request).await?;
    match encoding.as_deref() {
        None | Some(b"identity" | b"") => Ok(body),
        Some(b"gzip") => unpack(&body),
        Some(_) => Err(Unreadable::Encoding),
    }
}

async fn collect(request: Request) -> Result<Bytes, Unreadable> {
    let mut body = request.into_body();
    let (mut kept, mut length) = (BytesMut::new(), 0);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Unreadable::Incomplete)?;
        let Some(data) = frame.data_ref() else { continue };
        length += data.len();
        if length <= EXPORT_BYTES_MAX {
            kept.extend_from_slice(data);
        } else if length > DISCARDED_MAX {
            break;
        } else {
            kept = BytesMut::new();
        }
    }
    if length > EXPORT_BYTES_MAX { Err(Unreadable::TooLarge) } else { Ok(kept.freeze()) }
}

fn unpack(packed: &[u8]) -> Result<Bytes, Unreadable> {
    let mut body = Vec::new();
    let limit = EXPORT_BYTES_MAX as u64 + 1;
    let unpacked = MultiGzDecoder::new(packed).take(limit).read_to_end(&mut body);
    unpacked.map_err(|_| Unreadable::NotGzip)?;
    if body.len() > EXPORT_BYTES_MAX { Err(Unreadable::TooLarge) } else { Ok(body.into()) }
}
