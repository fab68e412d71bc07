//! Encoded items. Long ones are stored in chunks of one size.
//!
//! An allocator takes large blocks from separate pages per size, and reuses them only for blocks of that size: after
//! 100 MiB of long items are evicted, short items cannot use their memory, and twice the limit is resident. Blocks of up
//! to [`CHUNK_BYTES`] all come from the same kind of page.

use std::borrow::Cow;
use std::mem::size_of;
use std::sync::Arc;

/// Largest block: a page, the least that an allocator can return to the system.
const CHUNK_BYTES: usize = 4 * 1024;

/// Memory of a block besides its bytes: reference counts and rounding.
const BLOCK_OVERHEAD: usize = 32;

/// Immutable bytes, shared so that readers do not lock the store.
#[derive(Debug, Clone)]
pub(crate) enum Encoded {
    Short(Arc<[u8]>),
    /// All chunks are full but the last.
    Long(Arc<[Box<[u8]>]>),
}

impl Encoded {
    /// A copy of these bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        if bytes.len() <= CHUNK_BYTES {
            return Self::Short(bytes.into());
        }
        Self::Long(bytes.chunks(CHUNK_BYTES).map(Into::into).collect())
    }

    /// All bytes; copied only if they are in chunks.
    pub(crate) fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Short(bytes) => Cow::Borrowed(bytes),
            Self::Long(chunks) => Cow::Owned(chunks.concat()),
        }
    }

    /// The first `length` bytes or more; all of them if there are fewer.
    pub(crate) fn prefix(&self, length: usize) -> Cow<'_, [u8]> {
        match self {
            Self::Short(bytes) => Cow::Borrowed(bytes),
            Self::Long(chunks) => {
                let count = length.div_ceil(CHUNK_BYTES).min(chunks.len());
                Cow::Owned(chunks[..count].concat())
            }
        }
    }

    pub(crate) fn length(&self) -> usize {
        match self {
            Self::Short(bytes) => bytes.len(),
            Self::Long(chunks) => chunks.iter().map(|chunk| chunk.len()).sum(),
        }
    }

    /// Approximate memory besides this struct.
    pub(crate) fn memory(&self) -> usize {
        let list = match self {
            Self::Short(_) => 0,
            Self::Long(chunks) => chunks.len() * (size_of::<Box<[u8]>>() + BLOCK_OVERHEAD),
        };
        self.length() + list + BLOCK_OVERHEAD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_bytes_are_read_back_unchanged_and_no_block_is_large() {
        for length in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 5 * CHUNK_BYTES + 7] {
            let bytes: Vec<u8> = (0..=250).cycle().take(length).collect();
            let encoded = Encoded::of(&bytes);
            assert_eq!((&*encoded.bytes(), encoded.length()), (&bytes[..], length));
            assert!(encoded.memory() >= length);
            let prefix = encoded.prefix(CHUNK_BYTES + 1);
            assert!(bytes.starts_with(&prefix));
            assert!(prefix.len() >= length.min(CHUNK_BYTES + 1));
            match encoded {
                Encoded::Short(bytes) => assert!(bytes.len() <= CHUNK_BYTES),
                Encoded::Long(chunks) => {
                    assert!(chunks.iter().all(|chunk| chunk.len() <= CHUNK_BYTES));
                }
            }
        }
    }
}
