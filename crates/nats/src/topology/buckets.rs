//! The streams behind the buckets and the object store, as their clients expect them, with one difference:
//! no roll-up. With it, a user who may write one key could replace all others by one message
//! (`Nats-Rollup: all`). The key-value API needs roll-up only to purge a key, which no service does, and the
//! object store only to drop the entry that a repeated name replaces. Nor do they announce keys that expire
//! (`subject_delete_marker_ttl`): the server then allows roll-up of its own accord.

use async_nats::jetstream::stream::{Config, DiscardPolicy, StorageType};
use contract::topology::{self as names};

use super::TopologyConfig;

/// Largest bucket of faults, in bytes.
const FAULTS_BYTES_MAX: i64 = 1 << 20;

/// All of them.
pub(super) fn all(config: &TopologyConfig) -> [Config; 5] {
    [jobs(config), results(config), keys(config), faults(config), tiles(config)]
}

/// Only ended jobs expire, so the time to live is on their last message, not on the bucket.
fn jobs(config: &TopologyConfig) -> Config {
    Config {
        description: Some("One record for each job, changed by compare-and-set".to_owned()),
        max_message_size: names::JOBS_MESSAGE_BYTES_MAX,
        allow_message_ttl: true,
        ..bucket(names::JOBS_BUCKET, names::JOBS_BYTES_MAX, config)
    }
}

fn results(config: &TopologyConfig) -> Config {
    Config {
        description: Some("Results that are too large for a record, by job and run".to_owned()),
        max_age: names::TERMINAL_AGE_MAX,
        ..bucket(names::RESULTS_BUCKET, names::BUCKET_BYTES_MAX, config)
    }
}

fn keys(config: &TopologyConfig) -> Config {
    Config {
        description: Some("Idempotency keys, and raw events that became jobs".to_owned()),
        max_age: names::TERMINAL_AGE_MAX,
        ..bucket(names::KEYS_BUCKET, names::BUCKET_BYTES_MAX, config)
    }
}

fn faults(config: &TopologyConfig) -> Config {
    Config {
        description: Some("Faults that are set for a whole service".to_owned()),
        allow_message_ttl: true,
        ..bucket(names::FAULTS_BUCKET, FAULTS_BYTES_MAX, config)
    }
}

/// The object store of tiles; its format: `jobs::tiles`.
fn tiles(config: &TopologyConfig) -> Config {
    let store = names::TILES_STORE;
    Config {
        name: format!("OBJ_{store}"),
        description: Some("Rendered tiles, by job, run and operation".to_owned()),
        subjects: vec![format!("$O.{store}.C.>"), format!("$O.{store}.M.>")],
        max_age: names::TERMINAL_AGE_MAX,
        max_bytes: names::BUCKET_BYTES_MAX,
        discard: DiscardPolicy::New,
        storage: StorageType::File,
        num_replicas: usize::from(config.replicas),
        allow_direct: true,
        ..Default::default()
    }
}

fn bucket(name: &str, max_bytes: i64, config: &TopologyConfig) -> Config {
    Config {
        name: format!("KV_{name}"),
        subjects: vec![format!("$KV.{name}.>")],
        max_messages_per_subject: 1,
        max_bytes,
        discard: DiscardPolicy::New,
        storage: StorageType::File,
        num_replicas: usize::from(config.replicas),
        allow_direct: true,
        deny_delete: true,
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use async_nats::jetstream::{self, kv, object_store};
    use testkit::NatsServer;

    use super::{super::apply, *};

    fn config() -> TopologyConfig {
        let (ack_wait, ack_wait_seconds) = (None, None);
        TopologyConfig { ack_wait, ack_wait_seconds, replicas: 1, queue_bytes_max: 1 << 20 }
    }

    #[tokio::test]
    async fn apply_disables_rollup_headers_on_existing_buckets_and_keeps_their_data() {
        let nats = NatsServer::start().await;
        let broker = jetstream::new(async_nats::connect(nats.url()).await.unwrap());
        let markers = Some(std::time::Duration::from_mins(1));
        let older =
            kv::Config { bucket: "JOBS".into(), limit_markers: markers, ..Default::default() };
        let jobs = broker.create_key_value(older).await.unwrap();
        jobs.put("kept", "1".into()).await.unwrap();
        let older = object_store::Config { bucket: "TILES".into(), ..Default::default() };
        broker.create_object_store(older).await.unwrap();
        for _ in 0..2 {
            apply(&broker, &config()).await.unwrap();
        }
        for bucket in all(&config()) {
            let found = broker.get_stream(&bucket.name).await.unwrap();
            let config = &found.cached_info().config;
            assert!(!config.allow_rollup, "{config:?}");
            assert!(config.description.as_ref().is_some_and(|words| !words.is_empty()));
        }
        assert_eq!(jobs.get("kept").await.unwrap().unwrap(), "1");
    }
}
