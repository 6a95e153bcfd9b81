//! The envelope of a secret at rest: `cmek:v1:<kek id>:<wrapped data key>:<sealed secret>`, and of
//! the key of one run `cmek:v1:<kek id>@<run>:<wrapped data key>:<sealed secret>`.
//!
//! A fresh data key seals the secret (AES-256-GCM); the workspace's key-encryption key wraps the
//! data key. Workspace, purpose and run are associated data of both, so an envelope opens for
//! exactly what it was made for. The two binary parts are base64url without padding: nonce,
//! ciphertext, tag. Both forms begin alike, because services of a version that knew the first alone
//! carry the second unread.

use std::future::Future;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use domain::secret::{Envelope, Purpose};
use domain::{RunId, WorkspaceId};
use zeroize::Zeroizing;

use crate::aes;

/// What an envelope is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding<'a> {
    pub workspace: &'a WorkspaceId,
    pub purpose: Purpose,
    run: Option<RunId>,
}

impl<'a> Binding<'a> {
    pub const fn new(workspace: &'a WorkspaceId, purpose: Purpose) -> Self {
        Self {
            workspace,
            purpose,
            run: None,
        }
    }

    /// This purpose, bound to one run; with no run it holds for any.
    #[must_use]
    pub const fn of_run(self, run: Option<RunId>) -> Self {
        Self { run, ..self }
    }

    /// Unambiguous, because neither a slug nor a purpose contains a `|`.
    pub(crate) fn associated(&self, role: &str) -> Vec<u8> {
        let (workspace, purpose) = (self.workspace, self.purpose.as_str());
        match self.run {
            Some(run) => format!("vigilo|{role}|{workspace}|{purpose}|{run}").into_bytes(),
            None => format!("vigilo|{role}|{workspace}|{purpose}").into_bytes(),
        }
    }
}

/// The holder of the workspaces' key-encryption keys.
pub trait Kek: Send + Sync + 'static {
    /// Which key wraps now: letters, digits, `-` and `.`; a new one whenever the key behind it
    /// changes.
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
    /// Changed on the way, or made for another workspace, purpose or run.
    #[error("it was changed, or it was sealed for another workspace, purpose or run")]
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
    let run = binding.run.map(|run| format!("@{run}")).unwrap_or_default();
    let text = format!(
        "{}{id}{run}:{}:{}",
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
    let parts = parts(envelope).ok_or(EnvelopeError::Malformed)?;
    let unwrapped = kek.unwrap(parts.kek, binding, &parts.wrapped).await?;
    let data_key = aes::Key::new(unwrapped.as_slice().try_into().map_err(|_| REFUSED)?);
    aes::open(&data_key, &binding.associated("secret"), &parts.sealed).map_err(|_| REFUSED)
}

/// The run that an envelope says it is for; that it is true shows when it opens.
///
/// # Errors
/// [`EnvelopeError::Malformed`] for what is no envelope.
pub fn run_of(envelope: &Envelope) -> Result<Option<RunId>, EnvelopeError> {
    parts(envelope).map(|parts| parts.run).ok_or(EnvelopeError::Malformed)
}

struct Parts<'a> {
    kek: &'a str,
    run: Option<RunId>,
    wrapped: Vec<u8>,
    sealed: Vec<u8>,
}

fn parts(envelope: &Envelope) -> Option<Parts<'_>> {
    let mut parts = envelope.as_str().strip_prefix(Envelope::PREFIX)?.split(':');
    let named = parts.next()?;
    let (kek, run) = match named.split_once('@') {
        Some((kek, run)) => (kek, Some(run.parse().ok()?)),
        None => (named, None),
    };
    let wrapped = BASE64.decode(parts.next()?).ok()?;
    let sealed = BASE64.decode(parts.next()?).ok()?;
    let whole = parts.next().is_none();
    whole.then_some(Parts {
        kek,
        run,
        wrapped,
        sealed,
    })
}

#[cfg(test)]
mod tests;
