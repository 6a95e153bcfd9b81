//! What the key-signer is ordered, and how that travels: earlier key-signers read the word of the
//! key source, and earlier planners write nothing else.

use domain::DnsName;
use domain::key_source::{self, KeySource};
use domain::keys::{KeyAlgorithm, KeyBackend};
use domain::secret::Envelope;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "PrepareKeyWire", into = "PrepareKeyWire")]
pub struct PrepareKeySpec {
    pub names: Vec<DnsName>,
    pub key_source: KeySource,
    pub algorithm: KeyAlgorithm,
    /// The key in use, when the policy keeps it; absent: make a new one.
    pub keep: Option<Envelope>,
    /// The key opens with orders of this run alone. Key-signers of a version before this field do
    /// not heed it, and cannot open such a key: they are upgraded before the planners.
    pub bind_to_run: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct PrepareKeyWire {
    names: Vec<DnsName>,
    #[serde(default)]
    backend: KeyBackend,
    #[serde(default)]
    key_source: Option<KeySource>,
    algorithm: KeyAlgorithm,
    keep: Option<Envelope>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    bind_to_run: bool,
}

impl From<PrepareKeySpec> for PrepareKeyWire {
    fn from(spec: PrepareKeySpec) -> Self {
        Self {
            names: spec.names,
            backend: spec.key_source.body().kind(),
            key_source: Some(spec.key_source),
            algorithm: spec.algorithm,
            keep: spec.keep,
            bind_to_run: spec.bind_to_run,
        }
    }
}

impl TryFrom<PrepareKeyWire> for PrepareKeySpec {
    type Error = String;

    fn try_from(wire: PrepareKeyWire) -> Result<Self, String> {
        let of_before = || key_source::of_word(wire.backend);
        Ok(Self {
            key_source: wire.key_source.map_or_else(of_before, Ok)?,
            names: wire.names,
            algorithm: wire.algorithm,
            keep: wire.keep,
            bind_to_run: wire.bind_to_run,
        })
    }
}
