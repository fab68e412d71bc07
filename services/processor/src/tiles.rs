//! Stores tiles in the object store, at the place that the job's results name.

use contract::JobId;
use jobs::results::Results;
use operations::run::{Storing, TileStore};

/// The tiles of one operation of one run.
pub(crate) struct RunTiles {
    pub(crate) results: Results,
    pub(crate) job: JobId,
    pub(crate) run: String,
    pub(crate) operation: usize,
}

impl TileStore for RunTiles {
    fn put(&self, png: Vec<u8>) -> Storing<'_> {
        Box::pin(
            async move { self.results.put_tile(self.job, &self.run, self.operation, &png).await },
        )
    }
}
