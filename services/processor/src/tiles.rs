//! Stores tiles in the object store, at the place that the job's results name.

use std::sync::Arc;

use bus::Bus;
use contract::JobId;
use operations::run::{Storing, TileStore};

/// The tiles of one operation of one run.
pub(crate) struct RunTiles {
    pub(crate) bus: Arc<Bus>,
    pub(crate) job: JobId,
    pub(crate) run: String,
    pub(crate) operation: usize,
}

impl TileStore for RunTiles {
    fn put(&self, png: Vec<u8>) -> Storing<'_> {
        Box::pin(async move {
            self.bus.results.put_tile(self.job, &self.run, self.operation, &png).await
        })
    }
}
