//! Allocates line numbers. Released ones are reused first, so few pages of the file are written.

/// Line numbers from 0 up to a limit.
#[derive(Debug)]
pub(super) struct Slots {
    released: Vec<u32>,
    untouched: u32,
    limit: u32,
}

impl Slots {
    pub(super) const fn new(limit: u32) -> Self {
        Self { released: Vec::new(), untouched: 0, limit }
    }

    /// Returns a free line number, if there is one.
    pub(super) fn take(&mut self) -> Option<u32> {
        self.released.pop().or_else(|| {
            let next = self.untouched;
            (next < self.limit).then(|| {
                self.untouched += 1;
                next
            })
        })
    }

    /// Releases a line number that was taken.
    pub(super) fn release(&mut self, line: u32) {
        self.released.push(line);
    }
}
