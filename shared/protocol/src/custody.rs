//! The only question one service asks another: opening and sealing of secrets by the key-signer.
//!
//! Plaintext never travels: both ways it is HPKE-sealed (RFC 9180, base mode, DHKEM(X25519, HKDF-SHA256),
//! AES-256-GCM) to the reader's public key. Binary fields are base64. HPKE in this mode proves no sender: the key-signer signs
//! its answers, for the inbox where they were asked for, and askers believe no other.

use domain::secret::{Envelope, Purpose};
use domain::{RunId, WorkspaceId};
use serde::{Deserialize, Serialize};

/// `vigilo.custody.open.<service>`; the service's own subject, so that NATS permissions say who may ask.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenRequest {
    pub workspace: WorkspaceId,
    pub purpose: Purpose,
    pub envelope: Envelope,
    /// The asker's ephemeral public key.
    pub recipient: String,
    /// For which run, as the key-signer's log of openings shows it.
    pub run_id: Option<RunId>,
    /// The order that the secret came with. Askers of a version before this field show none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<ShownOrder>,
}

/// An order as its worker got it, for one who believes the planner alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShownOrder {
    /// Where it was said: the subject of orders, or the inbox of who waited for a direct reply.
    pub subject: String,
    /// The planner's.
    pub signature: String,
    /// Its exact bytes: an [`crate::order::Order`], or a [`crate::direct_reply::Current`] with one.
    pub payload: String,
}

/// `vigilo.custody.seal.<asker>`; the secret is HPKE-sealed to the key-signer's public key of the workspace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SealRequest {
    pub workspace: WorkspaceId,
    pub purpose: Purpose,
    pub secret: Hpke,
}

/// `vigilo.custody.recipient.<asker>`: to which public key secrets for `custody.seal` are sealed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecipientRequest {
    pub workspace: WorkspaceId,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hpke {
    pub encapsulated_key: String,
    pub ciphertext: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum CustodyAnswer {
    Opened {
        secret: Hpke,
    },
    Sealed {
        envelope: Envelope,
    },
    Recipient {
        public_key: String,
    },
    /// Not by this asker, not for this purpose, or not a good envelope.
    Denied {
        reason: String,
    },
    /// The backend of the key-encryption key does not answer.
    Unavailable {
        reason: String,
    },
}
