//! The root key: 32 random bytes from which every workspace's keys are derived (HKDF-SHA256, RFC 5869).
//!
//! In: the bytes of the root key file. Out: the key-encryption key and the HPKE key pair of a workspace, the same in
//! every replica that holds the same file. Never: the root key itself.

use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use zeroize::Zeroizing;

use domain::WorkspaceId;

use crate::aes;
use crate::envelope::{Binding, Kek, KekError};
use crate::hpke::Recipient;
use crate::kdf;

/// Separates these keys from whatever else the same bytes may be used for.
const SALT: &[u8] = b"vigilo root key v1";

/// Has no `Debug`. The derived keys are zeroized, and so is the input of [`RootKey::new`].
pub struct RootKey {
    extracted: Prk,
    id: String,
}

impl RootKey {
    /// How long the root key is, in bytes.
    pub const LEN: usize = 32;

    pub fn new(bytes: &Zeroizing<[u8; Self::LEN]>) -> Self {
        let extracted = Salt::new(HKDF_SHA256, SALT).extract(bytes.as_ref());
        let print = expand(&extracted, "id", "");
        let short: String = print.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        Self {
            extracted,
            id: format!("root1-{short}"),
        }
    }

    /// The key pair to which secrets of this workspace are sealed on their way to the key-signer.
    pub fn recipient(&self, workspace: &WorkspaceId) -> Recipient {
        Recipient::derived(&expand(&self.extracted, "recipient", workspace.as_str()))
    }

    fn workspace_key(&self, workspace: &WorkspaceId) -> aes::Key {
        expand(&self.extracted, "kek", workspace.as_str())
    }
}

impl Kek for RootKey {
    /// `root1-` and a fingerprint of the root key: an envelope tells which file it needs.
    fn id(&self) -> String {
        self.id.clone()
    }

    async fn wrap(&self, binding: Binding<'_>, data_key: &[u8]) -> Result<Vec<u8>, KekError> {
        let key = self.workspace_key(binding.workspace);
        aes::seal(&key, &binding.associated("data-key"), data_key).map_err(|_| KekError::Unavailable {
            reason: "AES-256-GCM did not seal".to_owned(),
        })
    }

    async fn unwrap(&self, id: &str, binding: Binding<'_>, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, KekError> {
        if id != self.id {
            return Err(KekError::Foreign {
                found: id.to_owned(),
                held: self.id.clone(),
            });
        }
        let key = self.workspace_key(binding.workspace);
        aes::open(&key, &binding.associated("data-key"), wrapped).map_err(|_| KekError::Refused)
    }
}

fn expand(from: &Prk, role: &str, workspace: &str) -> aes::Key {
    kdf::key(from, &[role.as_bytes(), b"|", workspace.as_bytes()])
}
