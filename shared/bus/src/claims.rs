//! Who may finalize an ACME order: a claim on a JetStream key-value bucket, so that of all processes that hold the same
//! order at the same moment one does it. Two finalizations side by side can be two certificates.

use std::time::Duration;

use crate::bucket::Bucket;
use crate::connection::{Bus, BusError};
use crate::streams::BucketName;

#[derive(Clone)]
pub struct Claims {
    bucket: Bucket,
    life: Duration,
}

impl Bus {
    /// `life` is longer than a finalize request may take. Who died with the claim, or never heard the answer, holds up
    /// the order that long.
    pub async fn finalize_claims(&self, life: Duration) -> Result<Claims, BusError> {
        let bucket = self.bucket(BucketName::Finalize).await?;
        Ok(Claims { bucket, life })
    }
}

impl Claims {
    /// Whether the caller is the one. `key` is of `[A-Za-z0-9_-]`.
    pub async fn take(&self, key: &str) -> Result<bool, BusError> {
        self.bucket.create(key, self.life).await
    }

    /// For who knows that nothing came of it: another may try at once.
    pub async fn give_back(&self, key: &str) -> Result<(), BusError> {
        self.bucket.remove(key).await
    }
}
