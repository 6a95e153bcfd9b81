//! Secrets on their way between services: HPKE (RFC 9180) in base mode, DHKEM(X25519, HKDF-SHA256),
//! HKDF-SHA256, AES-256-GCM. Each message has its own encapsulated key.
//!
//! In: a public key as base64. Out: [`Hpke`] as it travels. Direction, workspace and purpose are
//! bound, so that a message cannot be taken for another one.

use aws_lc_rs::agreement::{PrivateKey, X25519};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use protocol::custody::Hpke;
use rustls::crypto::aws_lc_rs::hpke::DH_KEM_X25519_HKDF_SHA256_AES_256 as SUITE;
use rustls::crypto::hpke::{EncapsulatedSecret, Hpke as _, HpkePrivateKey, HpkePublicKey};
use zeroize::Zeroizing;

use crate::aes;
use crate::envelope::Binding;
use crate::kdf;

/// In front of every label of the key derivation (RFC 9180 §4).
const VERSION: &[u8] = b"HPKE-v1";
/// `KEM` and the number of DHKEM(X25519, HKDF-SHA256) (RFC 9180 §4.1, §7.1).
const SUITE_ID: &[u8] = b"KEM\x00\x20";
const KEY_BYTES: usize = 32;

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

/// A key pair that messages are sealed to. Has no `Debug`; the private half is zeroized by its
/// library.
pub struct Recipient {
    private: HpkePrivateKey,
    public: HpkePublicKey,
}

impl Recipient {
    /// For one question only.
    pub fn ephemeral() -> Self {
        // Where the machine has no random numbers, no process of this system gets this far.
        let (public, private) = SUITE.generate_key_pair().expect("a key pair is made");
        Self { private, public }
    }

    /// A key pair that is derived from the secret bytes, equal for equal bytes (RFC 9180 §7.1.3,
    /// DeriveKeyPair: the library has none).
    pub fn derived(secret: &[u8; KEY_BYTES]) -> Self {
        let input = Zeroizing::new([VERSION, SUITE_ID, b"dkp_prk", secret].concat());
        let extracted = Salt::new(HKDF_SHA256, &[]).extract(&input);
        // LabeledExpand: 32 bytes, as two, stand in front.
        let private = kdf::key(&extracted, &[&[0, 32], VERSION, SUITE_ID, b"sk"]);
        Self::of(&private)
    }

    fn of(private: &aes::Key) -> Self {
        let pair = PrivateKey::from_private_key(&X25519, private.as_ref());
        let public = pair.ok().and_then(|pair| pair.compute_public_key().ok());
        Self {
            // Any 32 bytes are a private key of X25519 (RFC 7748 §5).
            public: HpkePublicKey(public.expect("32 bytes are a private key").as_ref().to_vec()),
            private: HpkePrivateKey::from(private.to_vec()),
        }
    }

    pub fn public_key(&self) -> String {
        BASE64.encode(&self.public.0)
    }

    /// # Errors
    /// [`HpkeError::Refused`] for everything that was not sealed to this key, this way, with this binding.
    pub fn open(&self, way: Way, binding: Binding<'_>, sealed: &Hpke) -> Result<Zeroizing<Vec<u8>>, HpkeError> {
        let decoded = |text: &str| BASE64.decode(text).map_err(|_| HpkeError::Refused);
        let key = EncapsulatedSecret(decoded(&sealed.encapsulated_key)?);
        let text = decoded(&sealed.ciphertext)?;
        let opened = SUITE.open(&key, way.info(), &binding.associated("hpke"), &text, &self.private);
        opened.map(Zeroizing::new).map_err(|_| HpkeError::Refused)
    }
}

/// Seals to the holder of the private half of `public_key`.
///
/// # Errors
/// [`HpkeError::PublicKey`] when that is none.
pub fn seal_to(public_key: &str, way: Way, binding: Binding<'_>, secret: &[u8]) -> Result<Hpke, HpkeError> {
    let key = BASE64.decode(public_key).ok().filter(|key| key.len() == KEY_BYTES);
    let key = HpkePublicKey(key.ok_or(HpkeError::PublicKey)?);
    let (key, text) = SUITE
        .seal(way.info(), &binding.associated("hpke"), secret, &key)
        .map_err(|_| HpkeError::PublicKey)?;
    Ok(Hpke {
        encapsulated_key: BASE64.encode(key.0),
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

    fn bytes(hex: &str) -> Vec<u8> {
        let pairs = hex.as_bytes().chunks(2);
        pairs
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("text"), 16).expect("hex"))
            .collect()
    }

    /// RFC 9180 §A.1.1: `ikmR` and `pkRm`.
    #[test]
    fn a_secret_derives_the_key_pair_of_the_rfc() {
        let secret = bytes("6db9df30aa07dd42ee5e8181afdb977e538f5e1fec8a06223f33f7013e525037");
        let secret: [u8; KEY_BYTES] = secret.try_into().expect("32 bytes");
        let public = bytes("3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d");
        assert_eq!(Recipient::derived(&secret).public_key(), BASE64.encode(public));
        assert_ne!(
            Recipient::derived(&[7; KEY_BYTES]).public_key(),
            Recipient::derived(&[8; KEY_BYTES]).public_key()
        );
    }

    /// Sealed by another implementation of RFC 9180 (the crate hpke 0.15) to the pair of `[7; 32]`:
    /// what a previous version has sent is still opened.
    #[test]
    fn what_another_implementation_sealed_is_opened() {
        let acme = workspace("acme");
        let binding = Binding::new(&acme, Purpose::LeafKey);
        let sealed = Hpke {
            encapsulated_key: "UsMyqIJSf3Ek6uQI5LDG50EPyYiv2J0iL85oCHRGlFA=".to_owned(),
            ciphertext: "CEgiNuN+HR0TzCMy0DMzEJ5LwA==".to_owned(),
        };
        let opened = Recipient::derived(&[7; KEY_BYTES]).open(Way::Opened, binding, &sealed);
        assert_eq!(opened.expect("opens").as_slice(), b"pem");
    }
}
