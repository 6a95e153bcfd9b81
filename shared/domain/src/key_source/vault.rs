//! Keys of HashiCorp Vault's or OpenBao's transit engine.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use super::KeySourceBody;
use crate::invalid::Invalid;
use crate::keys::KeyBackend;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VaultKeys {
    /// The https URL of the server.
    pub address: Url,
    /// Absent: the root namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Where the transit engine is mounted.
    #[serde(default = "transit")]
    pub mount: String,
    /// The name of the key there.
    pub key: String,
    /// The name of the workspace's secret with which the key-signer logs in; never the secret itself.
    pub credential: String,
}

fn transit() -> String {
    "transit".to_owned()
}

impl KeySourceBody for VaultKeys {
    fn check(&self) -> Result<(), Invalid> {
        if self.address.scheme() != "https" {
            let problem = "logins would travel in clear";
            return Err(Invalid::new("address", problem, "give an https URL"));
        }
        Ok(())
    }

    fn kind(&self) -> KeyBackend {
        KeyBackend::Vault
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
