//! The object store of tiles, in the format of NATS object stores, so that any client can read it, but without roll-up
//! headers: the stream refuses them, see `topology/buckets.rs`.

use std::collections::HashMap;

use anyhow::Context as _;
use async_nats::jetstream::{
    self,
    object_store::{GetErrorKind, Object, ObjectInfo, ObjectOptions, ObjectStore},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE};
use bytes::Bytes;
use contract::topology::TILES_STORE;
use sha2::{Digest as _, Sha256};

/// Size of one chunk: the default of NATS object stores, below the message size limit.
const CHUNK_BYTES: usize = 128 * 1024;

/// Writes and reads tiles.
pub(crate) struct Tiles {
    jetstream: jetstream::Context,
    store: ObjectStore,
}

impl Tiles {
    pub(crate) async fn open(jetstream: &jetstream::Context) -> anyhow::Result<Self> {
        let store = jetstream.get_object_store(TILES_STORE).await?;
        Ok(Self { jetstream: jetstream.clone(), store })
    }

    /// The tile called `name`; `None` if it was never stored or has expired.
    pub(crate) async fn get(&self, name: &str) -> anyhow::Result<Option<Object>> {
        match self.store.get(name).await {
            Ok(tile) => Ok(Some(tile)),
            Err(error) if error.kind() == GetErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).context("reading the tile"),
        }
    }

    /// Stores a tile. A tile that is stored again replaces the first one, whose chunks expire.
    pub(crate) async fn put(&self, name: &str, png: &[u8]) -> anyhow::Result<()> {
        let id = unique();
        let chunks = format!("$O.{TILES_STORE}.C.{id}");
        for chunk in png.chunks(CHUNK_BYTES) {
            self.store_message(chunks.clone(), Bytes::copy_from_slice(chunk)).await?;
        }
        let info = info(name, id, png);
        let entry = format!("$O.{TILES_STORE}.M.{}", BASE64_URL_SAFE.encode(name));
        self.store_message(entry, serde_json::to_vec(&info)?.into()).await
    }

    async fn store_message(&self, subject: String, payload: Bytes) -> anyhow::Result<()> {
        let sent = self.jetstream.publish(subject, payload).await;
        sent.context("sending the tile")?.await.context("storing the tile")?;
        Ok(())
    }
}

/// A unique name for the chunks of one put.
fn unique() -> String {
    format!("{:032x}", rand::random::<u128>())
}

fn info(name: &str, id: String, png: &[u8]) -> ObjectInfo {
    let options = ObjectOptions { link: None, max_chunk_size: Some(CHUNK_BYTES) };
    ObjectInfo {
        name: name.to_owned(),
        description: None,
        metadata: HashMap::new(),
        headers: None,
        options: Some(options),
        bucket: TILES_STORE.to_owned(),
        nuid: id,
        size: png.len(),
        chunks: png.len().div_ceil(CHUNK_BYTES),
        // Readers use the broker's timestamp of the message.
        modified: None,
        digest: Some(format!("SHA-256={}", BASE64_URL_SAFE.encode(Sha256::digest(png)))),
        deleted: false,
    }
}
