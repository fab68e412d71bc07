//! Which places are free: the lowest that was given back last comes first, so few pages are touched.

/// Places from 0 up to a limit.
#[derive(Debug)]
pub(super) struct Slots {
    given_back: Vec<u32>,
    untouched: u32,
    limit: u32,
}

impl Slots {
    pub(super) const fn new(limit: u32) -> Self {
        Self { given_back: Vec::new(), untouched: 0, limit }
    }

    /// A free place, if there is one.
    pub(super) fn take(&mut self) -> Option<u32> {
        self.given_back.pop().or_else(|| {
            let next = self.untouched;
            (next < self.limit).then(|| {
                self.untouched += 1;
                next
            })
        })
    }

    /// The place is free again. It must have been taken.
    pub(super) fn give_back(&mut self, place: u32) {
        self.given_back.push(place);
    }
}
