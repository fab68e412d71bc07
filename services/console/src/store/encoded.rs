//! Encoded bytes as they are kept. Long ones lie in pieces of one size.
//!
//! An allocator gives large blocks pages of their own, by size, and keeps what is free in them for blocks of that size:
//! after 100 MiB of long items have left, their place is of no use to short ones, and twice the budget is resident.
//! Blocks of up to [`PIECE_BYTES`] all come from the same kind of page, whose place goes around.

use std::borrow::Cow;
use std::mem::size_of;
use std::sync::Arc;

/// Largest block. A page is the least that an allocator can give back to the system.
const PIECE_BYTES: usize = 4 * 1024;

/// Memory of a block beyond its bytes: counters and rounding.
const BLOCK_OVERHEAD: usize = 32;

/// Bytes that are shared with their readers, so that no reader locks the store.
#[derive(Debug, Clone)]
pub(crate) enum Encoded {
    Short(Arc<[u8]>),
    /// Full pieces, and the rest in the last one.
    Long(Arc<[Box<[u8]>]>),
}

impl Encoded {
    /// A copy of these bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        if bytes.len() <= PIECE_BYTES {
            return Self::Short(bytes.into());
        }
        Self::Long(bytes.chunks(PIECE_BYTES).map(Into::into).collect())
    }

    /// All of them in a row; copied only where they lie in pieces.
    pub(crate) fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Short(bytes) => Cow::Borrowed(bytes),
            Self::Long(pieces) => Cow::Owned(pieces.concat()),
        }
    }

    /// At least the first `length` of them, if there are as many.
    pub(crate) fn beginning(&self, length: usize) -> Cow<'_, [u8]> {
        match self {
            Self::Short(bytes) => Cow::Borrowed(bytes),
            Self::Long(pieces) => {
                let count = length.div_ceil(PIECE_BYTES).min(pieces.len());
                Cow::Owned(pieces[..count].concat())
            }
        }
    }

    /// How many there are.
    pub(crate) fn length(&self) -> usize {
        match self {
            Self::Short(bytes) => bytes.len(),
            Self::Long(pieces) => pieces.iter().map(|piece| piece.len()).sum(),
        }
    }

    /// Memory they take, about, beside this struct.
    pub(crate) fn memory(&self) -> usize {
        let list = match self {
            Self::Short(_) => 0,
            Self::Long(pieces) => pieces.len() * (size_of::<Box<[u8]>>() + BLOCK_OVERHEAD),
        };
        self.length() + list + BLOCK_OVERHEAD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back_whole_and_no_block_of_it_is_large() {
        for length in [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 5 * PIECE_BYTES + 7] {
            let bytes: Vec<u8> = (0..=250).cycle().take(length).collect();
            let kept = Encoded::of(&bytes);
            assert_eq!((&*kept.bytes(), kept.length()), (&bytes[..], length));
            assert!(kept.memory() >= length);
            let beginning = kept.beginning(PIECE_BYTES + 1);
            assert!(bytes.starts_with(&beginning));
            assert!(beginning.len() >= length.min(PIECE_BYTES + 1));
            match kept {
                Encoded::Short(bytes) => assert!(bytes.len() <= PIECE_BYTES),
                Encoded::Long(pieces) => {
                    assert!(pieces.iter().all(|piece| piece.len() <= PIECE_BYTES));
                }
            }
        }
    }
}
