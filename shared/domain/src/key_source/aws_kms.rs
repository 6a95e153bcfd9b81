//! Keys of AWS KMS.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::KeySourceBody;
use crate::invalid::Invalid;
use crate::keys::KeyBackend;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AwsKmsKeys {
    pub region: String,
    /// ARN, id or alias of the one key that is used. Either this or `one_per_host`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Each host gets a key of its own, so many in the workspace at most: each is paid for by the month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_per_host: Option<u32>,
    /// The name of the workspace's secret with which the key-signer logs in; never the secret itself.
    pub credential: String,
}

impl KeySourceBody for AwsKmsKeys {
    fn check(&self) -> Result<(), Invalid> {
        match (&self.key, self.one_per_host) {
            (Some(_), None) | (None, Some(1..)) => Ok(()),
            (None, Some(0)) => Err(Invalid::new(
                "one_per_host",
                "0 keys are none",
                "give the most that there may be",
            )),
            (Some(_), Some(_)) | (None, None) => {
                let remedy = "give either key, or one_per_host with the most keys that there may be";
                Err(Invalid::new(
                    "key",
                    "which key is used is not said, or said twice",
                    remedy,
                ))
            }
        }
    }

    fn kind(&self) -> KeyBackend {
        KeyBackend::AwsKms
    }

    fn is_served(&self) -> bool {
        false
    }

    fn gives_key_away(&self) -> bool {
        false
    }

    fn secrets(&self) -> Vec<&str> {
        vec![&self.credential]
    }
}
