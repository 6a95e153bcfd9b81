//! The http-01 tokens of the fleet: a JetStream key-value bucket, so that any issuer replica can
//! answer for any.

use async_nats::Client;
use futures::{Stream, StreamExt};

use crate::bucket::Bucket;
use crate::connection::{Bus, BusError};
use crate::streams::BucketName;

/// Of the subjects on which the keys of the bucket are put.
pub(crate) const PREFIX: &str = "$KV.http01.";

/// token → key authorization (RFC 8555 §8.3).
#[derive(Clone)]
pub struct ChallengeTokens {
    bucket: Bucket,
    client: Client,
}

/// What becomes of a token, as a replica says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenChange {
    pub token: String,
    /// Nothing when no solver answers for it any more.
    pub key_authorization: Option<String>,
}

impl Bus {
    pub async fn challenge_tokens(&self) -> Result<ChallengeTokens, BusError> {
        let bucket = self.bucket(BucketName::Http01).await?;
        let client = self.client.clone();
        Ok(ChallengeTokens { bucket, client })
    }
}

/// A value is put by a message whose subject is its key; what removes one has no value.
fn change(message: &async_nats::Message) -> Option<TokenChange> {
    let token = message.subject.strip_prefix(PREFIX)?.to_owned();
    let value = String::from_utf8_lossy(&message.payload).into_owned();
    let key_authorization = (!value.is_empty()).then_some(value);
    Some(TokenChange {
        token,
        key_authorization,
    })
}

impl ChallengeTokens {
    /// May be called again; every replica answers for the token from here on.
    pub async fn present(&self, token: &str, key_authorization: &str) -> Result<(), BusError> {
        self.bucket.put(token, key_authorization.to_owned().into()).await
    }

    pub async fn load(&self, token: &str) -> Result<Option<String>, BusError> {
        let value = self.bucket.get(token).await?;
        Ok(value.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// What replicas present and withdraw from now on, as they do it. What is said while the
    /// connection is gone is not heard.
    pub async fn changes(&self) -> Result<impl Stream<Item = TokenChange> + Send + use<>, BusError> {
        let said = self.client.subscribe(format!("{PREFIX}>")).await;
        Ok(said
            .map_err(BusError::unavailable)?
            .filter_map(async |message| change(&message)))
    }

    /// May be called again, and for tokens that are gone.
    pub async fn remove(&self, token: &str) -> Result<(), BusError> {
        self.bucket.remove(token).await
    }
}
