//! Signatures of those whose word others act on: the planner's orders and the key-signer's answers.
//!
//! In: a private key file, public keys. Out: a header, and whether a message carries one that fits.
//! Touches: that file. Never: an unsigned message that passes, a private key in a message, error or
//! `Debug`.
//!
//! NATS says who may publish where, but a server also publishes for others: to the reply subject
//! that a client names, whatever it is asked for. So who acts on a message looks at its signature
//! (Ed25519, RFC 8032) over its subject and the SHA-256 of its exact bytes. The subject is part of
//! it: an order that was meant for one service, or an answer to one question, is none for another.

mod file;

use std::collections::HashMap;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, ParsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

/// `<key>:<signature>`: the key by the first half of its fingerprint, the signature as base64.
pub const HEADER: &str = "vigilo-signature";
/// One that signs now, and one that does so next or did so before.
const AT_ONCE: usize = 2;
/// Separates these signatures from whatever else the same key may sign.
const CONTEXT: &[u8] = b"vigilo signed message v1\n";

/// Who signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signer {
    Planner,
    KeySigner,
}

impl Signer {
    pub const ALL: [Self; 2] = [Self::Planner, Self::KeySigner];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Planner => "planner",
            Self::KeySigner => "key-signer",
        }
    }
}

/// A private key. Has no `Debug`; its library wipes it.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    id: String,
}

impl SigningKey {
    fn of(pair: Ed25519KeyPair) -> Self {
        let id = id(pair.public_key().as_ref());
        Self { pair, id }
    }

    /// As the configuration of those who verify wants it.
    pub fn line(&self, signer: Signer) -> String {
        format!("{}:{}", signer.as_str(), BASE64.encode(self.pair.public_key().as_ref()))
    }

    /// What goes into the header of a message to this subject.
    pub fn sign(&self, subject: &str, payload: &[u8]) -> String {
        let signature = self.pair.sign(&signed(subject, payload));
        format!("{}:{}", self.id, BASE64.encode(signature.as_ref()))
    }
}

/// The public keys whose signatures are believed, by the fingerprint in the header.
#[derive(Default)]
pub struct Trusted {
    of: HashMap<Signer, HashMap<String, ParsedPublicKey>>,
}

/// Why a message is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Disbelief {
    #[error("BUS-0001: it carries no signature of the {0}")]
    Unsigned(&'static str),
    #[error("BUS-0002: it is signed with the key {found}, and the keys of the {signer} known here are {known}")]
    Stranger {
        found: String,
        signer: &'static str,
        known: String,
    },
    #[error(
        "BUS-0003: the signature of the {0} does not fit: the message was changed, or was signed for another subject"
    )]
    Misfit(&'static str),
}

impl Trusted {
    /// Reads lines as [`SigningKey::line`] writes them.
    ///
    /// # Errors
    /// Names the line that cannot be used.
    pub fn read<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut trusted = Self::default();
        for line in lines {
            trusted.add(line.trim())?;
        }
        Ok(trusted)
    }

    pub fn knows(&self, signer: Signer) -> bool {
        self.of.get(&signer).is_some_and(|keys| !keys.is_empty())
    }

    /// Whether this signer has signed exactly these bytes for this subject.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn check(&self, signer: Signer, header: Option<&str>, subject: &str, payload: &[u8]) -> Result<(), Disbelief> {
        let name = signer.as_str();
        let (key, signature) = header
            .and_then(|header| header.split_once(':'))
            .ok_or(Disbelief::Unsigned(name))?;
        let known = self.of.get(&signer);
        let Some(public) = known.and_then(|keys| keys.get(key)) else {
            return Err(Disbelief::Stranger {
                found: key.chars().filter(char::is_ascii_hexdigit).take(16).collect(),
                signer: name,
                known: known
                    .map(listed)
                    .filter(|keys| !keys.is_empty())
                    .unwrap_or_else(|| "none".to_owned()),
            });
        };
        let signature = BASE64.decode(signature).map_err(|_| Disbelief::Misfit(name))?;
        let fits = public.verify_sig(&signed(subject, payload), &signature);
        fits.map_err(|_| Disbelief::Misfit(name))
    }

    fn add(&mut self, line: &str) -> Result<(), String> {
        let right =
            "give `planner:` or `key-signer:` and the Ed25519 public key as base64, as `vigilo nats-config` prints it";
        let refused = |problem: &str| format!("{line:?} {problem}; {right}");
        let (name, key) = line.split_once(':').ok_or_else(|| refused("has no colon"))?;
        let signer = Signer::ALL.into_iter().find(|signer| signer.as_str() == name);
        let signer = signer.ok_or_else(|| refused("names no signer"))?;
        let bytes = BASE64.decode(key).map_err(|_| refused("holds no base64"))?;
        let public = ParsedPublicKey::new(&ED25519, &bytes).map_err(|_| refused("holds no Ed25519 public key"))?;
        let keys = self.of.entry(signer).or_default();
        keys.insert(id(&bytes), public);
        if keys.len() > AT_ONCE {
            return Err(format!(
                "the {name} has more than {AT_ONCE} keys; leave the one that signs now, and the next or the one before"
            ));
        }
        Ok(())
    }
}

fn listed(keys: &HashMap<String, ParsedPublicKey>) -> String {
    let mut ids: Vec<&str> = keys.keys().map(String::as_str).collect();
    ids.sort_unstable();
    ids.join(", ")
}

/// No subject has a line end in it. The payload by its hash: Ed25519 reads twice what it signs, by
/// a slower one.
fn signed(subject: &str, payload: &[u8]) -> Vec<u8> {
    [CONTEXT, subject.as_bytes(), b"\n", digest(&SHA256, payload).as_ref()].concat()
}

fn id(public: &[u8]) -> String {
    let print = digest(&SHA256, public);
    print
        .as_ref()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests;
