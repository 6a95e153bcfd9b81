//! The http-01 tokens of the fleet: a JetStream key-value bucket, so that any issuer replica can answer for any.

use std::time::Duration;

use async_nats::jetstream::kv;
use async_nats::jetstream::stream::StorageType;

use crate::connection::{Bus, BusError};

pub(crate) const BUCKET: &str = "http01";
/// A token outlives every order it can belong to (Let's Encrypt: 8 h at most), then it goes by itself.
const LIFE: Duration = Duration::from_secs(12 * 3600);

/// token → key authorization (RFC 8555 §8.3).
#[derive(Clone)]
pub struct ChallengeTokens {
    bucket: kv::Store,
}

impl Bus {
    pub async fn challenge_tokens(&self) -> Result<ChallengeTokens, BusError> {
        let config = kv::Config {
            bucket: BUCKET.to_owned(),
            description: "http-01 challenge responses".to_owned(),
            history: 1,
            max_age: LIFE,
            // A responder must still know its tokens after the server was restarted in the middle of a validation.
            storage: StorageType::File,
            num_replicas: self.replicas,
            ..Default::default()
        };
        let bucket = self
            .stream
            .create_or_update_key_value(config)
            .await
            .map_err(BusError::unavailable)?;
        Ok(ChallengeTokens { bucket })
    }
}

impl ChallengeTokens {
    /// May be called again; every replica answers for the token from here on.
    pub async fn present(&self, token: &str, key_authorization: &str) -> Result<(), BusError> {
        self.bucket
            .put(token, key_authorization.to_owned().into())
            .await
            .map(|_| ())
            .map_err(BusError::unavailable)
    }

    pub async fn load(&self, token: &str) -> Result<Option<String>, BusError> {
        let value = self.bucket.get(token).await.map_err(BusError::unavailable)?;
        Ok(value.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// May be called again, and for tokens that are gone.
    pub async fn remove(&self, token: &str) -> Result<(), BusError> {
        self.bucket.purge(token).await.map_err(BusError::unavailable)
    }
}
