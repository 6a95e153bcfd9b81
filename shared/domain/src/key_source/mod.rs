//! Where the private key of a certificate lives; one file for the settings of each kind.
//!
//! In: the key source of a policy, also as policies wrote it before it had settings. Out: whether it can be used, and what the
//! rest of the system asks of any of them. Touches: nothing. Never: a decision that depends on the kind outside
//! `KeySource::body` and the file of the kind.

mod aws_kms;
mod earlier;
mod local;
mod vault;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::invalid::Invalid;
use crate::keys::KeyBackend;

pub use aws_kms::AwsKmsKeys;
pub use earlier::{FIELDS_OF_BEFORE, key_source, of_word, shown_with_fields_of_before, staging};
pub use local::LocalKeys;
pub use vault::VaultKeys;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum KeySource {
    /// Made by the key-signer and sealed under the workspace's key.
    Local(LocalKeys),
    /// Made by Vault's transit engine, which signs and never shows them. Not in this version.
    Vault(Box<VaultKeys>),
    /// Made by AWS KMS, which signs and never shows them. Not in this version.
    AwsKms(Box<AwsKmsKeys>),
}

impl Default for KeySource {
    fn default() -> Self {
        Self::Local(LocalKeys::default())
    }
}

impl KeySource {
    /// The settings of its kind. The only match on it outside the key-signer.
    pub fn body(&self) -> &dyn KeySourceBody {
        match self {
            Self::Local(local) => local,
            Self::Vault(vault) => vault.as_ref(),
            Self::AwsKms(kms) => kms.as_ref(),
        }
    }
}

/// What every kind of key source says of itself.
pub trait KeySourceBody {
    /// What the types alone cannot refuse; the field of the refusal is one of the key source.
    fn check(&self) -> Result<(), Invalid>;

    fn kind(&self) -> KeyBackend;

    /// Whether this version of the key-signer can use it.
    fn is_served(&self) -> bool;

    /// Whether the private key itself can be handed to a target.
    fn gives_key_away(&self) -> bool;

    /// Names of the workspace's secrets that it needs.
    fn secrets(&self) -> Vec<&str>;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(settings: serde_json::Value) -> KeySource {
        serde_json::from_value(settings).expect("a key source")
    }

    #[test]
    fn a_key_source_is_of_the_kind_that_it_is_written_with() {
        for settings in [
            json!({"kind": "local"}),
            json!({"kind": "vault", "address": "https://vault.example.org/", "key": "web", "credential": "vault"}),
            json!({"kind": "aws_kms", "region": "eu-central-1", "one_per_host": 20, "credential": "aws"}),
        ] {
            let source = read(settings.clone());
            let kind = serde_json::to_value(source.body().kind()).expect("a word");
            assert_eq!((&kind, source.body().check()), (&settings["kind"], Ok(())));
            let written = serde_json::to_value(&source).expect("JSON");
            assert_eq!(read(written), source);
            let mut more = settings;
            more["colour"] = "red".into();
            assert!(serde_json::from_value::<KeySource>(more).is_err());
        }
    }

    #[test]
    fn what_leaves_no_way_to_a_key_is_refused_by_name() {
        let kms = |more: serde_json::Value| {
            let mut settings = json!({"kind": "aws_kms", "region": "eu-central-1", "credential": "aws"});
            for (key, value) in more.as_object().into_iter().flatten() {
                settings[key] = value.clone();
            }
            read(settings).body().check().err().map(|refused| refused.field)
        };
        assert_eq!(kms(json!({"key": "alias/web"})), None);
        assert_eq!(kms(json!({})).as_deref(), Some("key"));
        assert_eq!(
            kms(json!({"key": "alias/web", "one_per_host": 3})).as_deref(),
            Some("key")
        );
        assert_eq!(kms(json!({"one_per_host": 0})).as_deref(), Some("one_per_host"));
        let vault =
            json!({"kind": "vault", "address": "http://vault.example.org/", "key": "web", "credential": "vault"});
        assert_eq!(read(vault).body().check().expect_err("in clear").field, "address");
    }
}
