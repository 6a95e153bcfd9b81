//! Who may finalize an ACME order: a claim on a JetStream key-value bucket, so that of all processes that hold the same
//! order at the same moment one does it. Two finalizations side by side can be two certificates.

use std::time::Duration;

use async_nats::jetstream::kv;
use async_nats::jetstream::stream::StorageType;

use crate::connection::{Bus, BusError};

pub(crate) const BUCKET: &str = "finalize";

#[derive(Clone)]
pub struct Claims {
    bucket: kv::Store,
}

impl Bus {
    /// `life` is longer than a finalize request may take. Who died with the claim, or never heard the answer, holds up
    /// the order that long.
    pub async fn finalize_claims(&self, life: Duration) -> Result<Claims, BusError> {
        let config = kv::Config {
            bucket: BUCKET.to_owned(),
            description: "who finalizes an ACME order".to_owned(),
            history: 1,
            max_age: life,
            // A restart of the server must not give the same claim twice.
            storage: StorageType::File,
            num_replicas: self.replicas,
            ..Default::default()
        };
        let made = self.stream.create_or_update_key_value(config).await;
        let bucket = made.map_err(BusError::unavailable)?;
        Ok(Claims { bucket })
    }
}

impl Claims {
    /// Whether the caller is the one. `key` is of `[A-Za-z0-9_-]`.
    pub async fn take(&self, key: &str) -> Result<bool, BusError> {
        match self.bucket.create(key, "".into()).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == kv::CreateErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(BusError::unavailable(error)),
        }
    }

    /// For who knows that nothing came of it: another may try at once.
    pub async fn give_back(&self, key: &str) -> Result<(), BusError> {
        self.bucket.purge(key).await.map_err(BusError::unavailable)
    }
}
