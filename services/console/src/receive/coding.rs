//! Content codings: which one a body came in, and the body without it.

use std::io::Read;

use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use zstd::stream::read::Decoder as ZstdDecoder;

use super::EXPORT_BYTES_MAX;
use super::body::Unreadable;

/// Deflate cannot pack tighter than this.
const DEFLATE_RATIO_MAX: usize = 1_032;

/// Largest window of zstd, as a power of two: what the format asks every decoder for, 8 MiB.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Identity,
    Gzip,
    Deflate,
    Zstd,
}

impl Coding {
    /// The names of all, for a sender that used another.
    pub(super) const NAMES: &str = "gzip, deflate, zstd, identity";

    /// The coding of this name, in any case; no name is none.
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        match name.trim_ascii().to_ascii_lowercase().as_slice() {
            b"" | b"identity" => Some(Self::Identity),
            b"gzip" | b"x-gzip" => Some(Self::Gzip),
            b"deflate" => Some(Self::Deflate),
            b"zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Most bytes that this many can become, within the limit for an export.
    pub(super) fn unpacked_max(self, length: usize) -> usize {
        match self {
            Self::Identity => length,
            Self::Gzip | Self::Deflate => length.saturating_mul(DEFLATE_RATIO_MAX),
            Self::Zstd => EXPORT_BYTES_MAX,
        }
        .clamp(length.min(EXPORT_BYTES_MAX), EXPORT_BYTES_MAX)
    }

    /// The body as it was before packing.
    pub(super) fn unpack(self, packed: Bytes) -> Result<Bytes, Unreadable> {
        match self {
            Self::Identity => Ok(packed),
            Self::Gzip => read(MultiGzDecoder::new(&*packed), "gzip"),
            // The name stands for zlib's format; some senders leave its frame out.
            Self::Deflate => match read(ZlibDecoder::new(&*packed), "deflate") {
                Err(Unreadable::NotPacked(_)) => read(DeflateDecoder::new(&*packed), "deflate"),
                other => other,
            },
            Self::Zstd => {
                let mut decoder = ZstdDecoder::with_buffer(&*packed)
                    .map_err(|_| Unreadable::NotPacked("zstd"))?;
                decoder
                    .window_log_max(ZSTD_WINDOW_LOG_MAX)
                    .map_err(|_| Unreadable::NotPacked("zstd"))?;
                read(decoder, "zstd")
            }
        }
    }
}

fn read(decoder: impl Read, coding: &'static str) -> Result<Bytes, Unreadable> {
    let mut body = Vec::new();
    let limit = EXPORT_BYTES_MAX as u64 + 1;
    decoder.take(limit).read_to_end(&mut body).map_err(|_| Unreadable::NotPacked(coding))?;
    if body.len() > EXPORT_BYTES_MAX { Err(Unreadable::TooLarge) } else { Ok(body.into()) }
}
