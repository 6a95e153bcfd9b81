//! Keys of the key-signer itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::KeySourceBody;
use crate::invalid::Invalid;
use crate::keys::KeyBackend;

/// They have no settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LocalKeys {}

impl KeySourceBody for LocalKeys {
    fn check(&self) -> Result<(), Invalid> {
        Ok(())
    }

    fn kind(&self) -> KeyBackend {
        KeyBackend::Local
    }

    fn is_served(&self) -> bool {
        true
    }

    fn gives_key_away(&self) -> bool {
        true
    }

    fn secrets(&self) -> Vec<&str> {
        Vec::new()
    }
}
