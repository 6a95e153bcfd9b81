//! Secrets on their way between services: HPKE (RFC 9180) in base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256,
//! AES-256-GCM. Each message has its own encapsulated key.
//!
//! In: a public key as base64. Out: [`Hpke`] as it travels. Direction, workspace and purpose are bound, so that a
//! message cannot be taken for another one.

use ::hpke::aead::AesGcm256;
use ::hpke::kdf::HkdfSha256;
use ::hpke::kem::X25519HkdfSha256 as X25519;
use ::hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use protocol::custody::Hpke;
use zeroize::Zeroizing;

use crate::envelope::Binding;

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To the key-signer, for sealing.
    Deposit,
    /// From the key-signer, opened.
    Opened,
}

impl Way {
    const fn info(self) -> &'static [u8] {
        match self {
            Self::Deposit => b"vigilo custody deposit v1",
            Self::Opened => b"vigilo custody opened v1",
        }
    }
}

/// The library's reason is left out: it tells an attacker more than an operator.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum HpkeError {
    #[error("the public key is no X25519 key (base64 of 32 bytes)")]
    PublicKey,
    #[error("the message was not sealed to this key for this workspace and purpose, or it was changed")]
    Refused,
}

/// A key pair that messages are sealed to. Has no `Debug`; the private half is zeroized by its library.
pub struct Recipient {
    private: <X25519 as Kem>::PrivateKey,
    public: <X25519 as Kem>::PublicKey,
}

impl Recipient {
    /// For one question only.
    pub fn ephemeral() -> Self {
        let (private, public) = X25519::gen_keypair();
        Self { private, public }
    }

    /// The same pair for the same secret bytes (RFC 9180 §7.1.3, DeriveKeyPair).
    pub fn derived(secret: &[u8]) -> Self {
        let (private, public) = X25519::derive_keypair(secret);
        Self { private, public }
    }

    pub fn public_key(&self) -> String {
        BASE64.encode(self.public.to_bytes())
    }

    /// # Errors
    /// [`HpkeError::Refused`] for everything that was not sealed to this key, this way, with this binding.
    pub fn open(&self, way: Way, binding: Binding<'_>, sealed: &Hpke) -> Result<Zeroizing<Vec<u8>>, HpkeError> {
        let refused = |_| HpkeError::Refused;
        let key = BASE64
            .decode(&sealed.encapsulated_key)
            .map_err(|_| HpkeError::Refused)?;
        let key = <X25519 as Kem>::EncappedKey::from_bytes(&key).map_err(refused)?;
        let text = BASE64.decode(&sealed.ciphertext).map_err(|_| HpkeError::Refused)?;
        ::hpke::single_shot_open::<AesGcm256, HkdfSha256, X25519>(
            &OpModeR::Base,
            &self.private,
            &key,
            way.info(),
            &text,
            &binding.associated("hpke"),
        )
        .map(Zeroizing::new)
        .map_err(refused)
    }
}

/// Seals to the holder of the private half of `public_key`.
///
/// # Errors
/// [`HpkeError::PublicKey`] when that is none.
pub fn seal_to(public_key: &str, way: Way, binding: Binding<'_>, secret: &[u8]) -> Result<Hpke, HpkeError> {
    let wrong = |_| HpkeError::PublicKey;
    let bytes = BASE64.decode(public_key).map_err(|_| HpkeError::PublicKey)?;
    let public = <X25519 as Kem>::PublicKey::from_bytes(&bytes).map_err(wrong)?;
    let (key, text) = ::hpke::single_shot_seal::<AesGcm256, HkdfSha256, X25519>(
        &OpModeS::Base,
        &public,
        way.info(),
        secret,
        &binding.associated("hpke"),
    )
    .map_err(wrong)?;
    Ok(Hpke {
        encapsulated_key: BASE64.encode(key.to_bytes()),
        ciphertext: BASE64.encode(text),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::WorkspaceId;
    use domain::secret::Purpose;

    fn workspace(slug: &str) -> WorkspaceId {
        slug.parse().expect("a slug")
    }

    #[test]
    fn only_the_recipient_with_the_same_context_opens() {
        let (acme, other) = (workspace("acme"), workspace("other"));
        let leaf = |workspace| Binding::new(workspace, Purpose::LeafKey);
        let reader = Recipient::ephemeral();
        let sealed = seal_to(&reader.public_key(), Way::Opened, leaf(&acme), b"pem").expect("seals");

        let opened = reader.open(Way::Opened, leaf(&acme), &sealed).expect("opens");
        assert_eq!(opened.as_slice(), b"pem");
        let account = Binding::new(&acme, Purpose::AcmeAccount);
        for (way, binding) in [
            (Way::Deposit, leaf(&acme)),
            (Way::Opened, leaf(&other)),
            (Way::Opened, account),
        ] {
            assert_eq!(reader.open(way, binding, &sealed).err(), Some(HpkeError::Refused));
        }
        let stranger = Recipient::ephemeral().open(Way::Opened, leaf(&acme), &sealed);
        assert_eq!(stranger.err(), Some(HpkeError::Refused));
    }

    #[test]
    fn a_wrong_public_key_is_named() {
        let acme = workspace("acme");
        let binding = Binding::new(&acme, Purpose::Credential);
        for wrong in ["", "no base64!", "AAAA"] {
            let refused = seal_to(wrong, Way::Deposit, binding, b"x");
            assert_eq!(refused.err(), Some(HpkeError::PublicKey), "{wrong:?}");
        }
    }

    #[test]
    fn the_same_secret_derives_the_same_pair() {
        assert_eq!(
            Recipient::derived(&[7; 32]).public_key(),
            Recipient::derived(&[7; 32]).public_key()
        );
        assert_ne!(
            Recipient::derived(&[7; 32]).public_key(),
            Recipient::derived(&[8; 32]).public_key()
        );
    }
}
