//! The envelope of a secret at rest: `cmek:v1:<kek id>:<wrapped data key>:<sealed secret>`.
//!
//! A fresh data key seals the secret (AES-256-GCM); the workspace's key-encryption key wraps the data key. Workspace
//! and purpose are associated data of both, so an envelope opens for exactly what it was made for. The two binary
//! parts are base64url without padding: nonce, ciphertext, tag.

use std::future::Future;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use domain::WorkspaceId;
use domain::secret::{Envelope, Purpose};
use zeroize::Zeroizing;

use crate::aes;

/// What an envelope is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding<'a> {
    pub workspace: &'a WorkspaceId,
    pub purpose: Purpose,
}

impl Binding<'_> {
    /// Unambiguous, because neither a slug nor a purpose contains a `|`.
    pub(crate) fn associated(&self, role: &str) -> Vec<u8> {
        format!("vigilo|{role}|{}|{}", self.workspace, self.purpose.as_str()).into_bytes()
    }
}

/// The holder of the workspaces' key-encryption keys.
pub trait Kek: Send + Sync + 'static {
    /// Which key wraps now: letters, digits, `-` and `.`; a new one whenever the key behind it changes.
    fn id(&self) -> String;

    fn wrap(&self, binding: Binding<'_>, data_key: &[u8]) -> impl Future<Output = Result<Vec<u8>, KekError>> + Send;

    /// `id` is the one that the envelope names; it may be older than [`Kek::id`].
    fn unwrap(
        &self,
        id: &str,
        binding: Binding<'_>,
        wrapped: &[u8],
    ) -> impl Future<Output = Result<Zeroizing<Vec<u8>>, KekError>> + Send;
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum KekError {
    /// Another key wrapped it than the one that is held here.
    #[error("it was sealed under the key {found}, and the key-signer holds {held}")]
    Foreign { found: String, held: String },
    /// Changed on the way, or made for another workspace or purpose.
    #[error("it was changed, or it was sealed for another workspace or purpose")]
    Refused,
    #[error("the key-encryption key cannot be used now: {reason}")]
    Unavailable { reason: String },
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    #[error("it is no envelope of the form cmek:v1:<key>:<data key>:<secret>")]
    Malformed,
    #[error(transparent)]
    Kek(#[from] KekError),
}

const REFUSED: EnvelopeError = EnvelopeError::Kek(KekError::Refused);

/// Seals under the workspace's key.
///
/// # Errors
/// [`KekError::Unavailable`] when the key-encryption key or the machine's random source does not answer.
pub async fn seal(kek: &impl Kek, binding: Binding<'_>, secret: &[u8]) -> Result<Envelope, EnvelopeError> {
    let no_random = |_| KekError::Unavailable {
        reason: "no random bytes from the operating system".to_owned(),
    };
    let data_key = aes::fresh_key().map_err(no_random)?;
    let sealed = aes::seal(&data_key, &binding.associated("secret"), secret).map_err(no_random)?;
    let wrapped = kek.wrap(binding, data_key.as_ref()).await?;
    let id = kek.id();
    let text = format!(
        "{}{id}:{}:{}",
        Envelope::PREFIX,
        BASE64.encode(wrapped),
        BASE64.encode(sealed)
    );
    Envelope::try_from(text).map_err(|_| EnvelopeError::Malformed)
}

/// Opens what [`seal`] made with the same binding.
///
/// # Errors
/// For anything else than that envelope, unchanged, with that binding, under a key that is held.
pub async fn open(
    kek: &impl Kek,
    binding: Binding<'_>,
    envelope: &Envelope,
) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    let (id, wrapped, sealed) = parts(envelope).ok_or(EnvelopeError::Malformed)?;
    let unwrapped = kek.unwrap(id, binding, &wrapped).await?;
    let data_key = aes::Key::new(unwrapped.as_slice().try_into().map_err(|_| REFUSED)?);
    aes::open(&data_key, &binding.associated("secret"), &sealed).map_err(|_| REFUSED)
}

fn parts(envelope: &Envelope) -> Option<(&str, Vec<u8>, Vec<u8>)> {
    let mut parts = envelope.as_str().strip_prefix(Envelope::PREFIX)?.split(':');
    let id = parts.next()?;
    let wrapped = BASE64.decode(parts.next()?).ok()?;
    let sealed = BASE64.decode(parts.next()?).ok()?;
    parts.next().is_none().then_some((id, wrapped, sealed))
}

#[cfg(test)]
mod tests;
