//! Content codings of bodies.

use std::io::Read;

use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use zstd::stream::read::Decoder as ZstdDecoder;

use super::limits::EXPORT_BYTES_MAX;

/// Largest compression ratio of deflate.
const DEFLATE_RATIO_MAX: usize = 1_032;

/// Largest window of zstd, as a power of two: 8 MiB, which the format requires of every decoder.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Identity,
    Gzip,
    Deflate,
    Zstd,
}

/// Why a body cannot be decompressed.
#[derive(Debug)]
pub(super) enum UnpackError {
    /// The result is larger than an export may be.
    TooLarge,
    /// The body does not have this coding.
    NotCompressed(&'static str),
}

impl Coding {
    /// All names, for error messages.
    pub(super) const NAMES: &str = "gzip, deflate, zstd, identity";

    /// The coding of this name, in any case; an empty name is `Identity`.
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        match name.trim_ascii().to_ascii_lowercase().as_slice() {
            b"" | b"identity" => Some(Self::Identity),
            b"gzip" | b"x-gzip" => Some(Self::Gzip),
            b"deflate" => Some(Self::Deflate),
            b"zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// The largest uncompressed length of a body of this length, at most the limit for an export.
    pub(super) fn unpacked_max(self, length: usize) -> usize {
        match self {
            Self::Identity => length,
            Self::Gzip | Self::Deflate => length.saturating_mul(DEFLATE_RATIO_MAX),
            Self::Zstd => EXPORT_BYTES_MAX,
        }
        .clamp(length.min(EXPORT_BYTES_MAX), EXPORT_BYTES_MAX)
    }

    /// Decompresses a body.
    pub(super) fn unpack(self, packed: Bytes) -> Result<Bytes, UnpackError> {
        match self {
            Self::Identity => Ok(packed),
            Self::Gzip => read(MultiGzDecoder::new(&*packed), "gzip"),
            // `deflate` means zlib's format; some senders omit its frame.
            Self::Deflate => match read(ZlibDecoder::new(&*packed), "deflate") {
                Err(UnpackError::NotCompressed(_)) => {
                    read(DeflateDecoder::new(&*packed), "deflate")
                }
                other => other,
            },
            Self::Zstd => {
                let invalid = |_| UnpackError::NotCompressed("zstd");
                let mut decoder = ZstdDecoder::with_buffer(&*packed).map_err(invalid)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(invalid)?;
                read(decoder, "zstd")
            }
        }
    }
}

fn read(decoder: impl Read, coding: &'static str) -> Result<Bytes, UnpackError> {
    let mut body = Vec::new();
    let limit = EXPORT_BYTES_MAX as u64 + 1;
    decoder.take(limit).read_to_end(&mut body).map_err(|_| UnpackError::NotCompressed(coding))?;
    if body.len() > EXPORT_BYTES_MAX { Err(UnpackError::TooLarge) } else { Ok(body.into()) }
}
