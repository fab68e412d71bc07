//! Storage of results and tiles. They are valid only if the job's record names their run; small results are in the
//! record itself.

use std::sync::Arc;

use anyhow::Context as _;
use async_nats::jetstream::{self, kv, object_store::Object};
use contract::{
    JobId,
    record::{JobRecord, is_small},
    result::OperationResult,
    topology::{RESULTS_BUCKET, results_key, tile_name},
};

use crate::tiles::Tiles;

/// Results and tiles. Clones share them.
#[derive(Clone)]
pub struct Results {
    documents: Arc<kv::Store>,
    tiles: Arc<Tiles>,
}

impl Results {
    /// Opens the stores, which the topology step must have created.
    pub async fn open(jetstream: &jetstream::Context) -> anyhow::Result<Self> {
        let documents = jetstream.get_key_value(RESULTS_BUCKET).await?;
        let tiles = Tiles::open(jetstream).await?;
        Ok(Self { documents: Arc::new(documents), tiles: Arc::new(tiles) })
    }

    /// Stores the results of a run. Small ones are returned instead: they go into the record that ends the job.
    pub async fn put(
        &self,
        job: JobId,
        run: &str,
        results: Vec<OperationResult>,
    ) -> anyhow::Result<Option<Vec<OperationResult>>> {
        if is_small(&results) {
            return Ok(Some(results));
        }
        let value = serde_json::to_vec(&results)?;
        self.documents
            .put(results_key(job, run), value.into())
            .await
            .context("storing the results")?;
        Ok(None)
    }

    /// The results of the winning run; `None` if there is none, or if they have expired or cannot be read.
    pub async fn get(&self, record: &JobRecord) -> anyhow::Result<Option<Vec<OperationResult>>> {
        let Some(run) = &record.run else { return Ok(None) };
        if record.results.is_some() {
            return Ok(record.results.clone());
        }
        let value = self.documents.get(results_key(record.id, run)).await;
        let value = value.context("reading the results")?;
        Ok(value.and_then(|value| {
            let read = serde_json::from_slice(&value);
            let report =
                |error| tracing::warn!(job_id = %record.id, %error, "decode results failed; shown as absent");
            read.map_err(report).ok()
        }))
    }

    /// A tile; `None` if it was never stored or has expired.
    pub async fn tile(
        &self,
        job: JobId,
        run: &str,
        operation: usize,
    ) -> anyhow::Result<Option<Object>> {
        self.tiles.get(&tile_name(job, run, operation)).await
    }

    /// Stores a tile and returns its name.
    pub async fn put_tile(
        &self,
        job: JobId,
        run: &str,
        operation: usize,
        png: &[u8],
    ) -> anyhow::Result<String> {
        let name = tile_name(job, run, operation);
        self.tiles.put(&name, png).await?;
        Ok(name)
    }
}
