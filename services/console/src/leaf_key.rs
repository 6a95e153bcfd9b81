//! A private key that a person uploads: read, turned into PKCS#8, and sealed before it goes anywhere.
//!
//! In: PEM. Out: an envelope, and the public key. Never: a `Debug`, a refusal that repeats the key.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair};
use custody::pem::private_key_pem;
use domain::Invalid;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use zeroize::{Zeroize, Zeroizing};

pub(crate) struct LeafKey {
    pem: Zeroizing<String>,
    public: Vec<u8>,
}

impl LeafKey {
    /// PKCS#8, SEC 1 or PKCS#1, not encrypted.
    pub(crate) fn read(text: &str) -> Result<Self, Invalid> {
        if text.contains("ENCRYPTED") {
            let remedy = "take the passphrase off first (openssl pkey -in KEY -out PLAIN); it travels and rests sealed";
            return Err(Invalid::new(
                "key_pem",
                "the key is encrypted with a passphrase",
                remedy,
            ));
        }
        let mut der = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|_| no_key())?;
        let read = any_supported_type(&der).ok().and_then(|signer| {
            let public = signer.public_key()?.to_vec();
            Some((public, pkcs8(&der)?))
        });
        der.zeroize();
        let (public, pkcs8) = read.ok_or_else(no_key)?;
        Ok(Self {
            pem: private_key_pem(&pkcs8),
            public,
        })
    }

    /// SubjectPublicKeyInfo, DER.
    pub(crate) fn public(&self) -> &[u8] {
        &self.public
    }

    pub(crate) fn pem(&self) -> &[u8] {
        self.pem.as_bytes()
    }
}

fn no_key() -> Invalid {
    let remedy = "give the file from -----BEGIN PRIVATE KEY----- to its end: an RSA key, or one on P-256 or P-384";
    Invalid::new("key_pem", "it holds no private key that a server can use", remedy)
}

fn pkcs8(der: &PrivateKeyDer<'_>) -> Option<Zeroizing<Vec<u8>>> {
    match der {
        PrivateKeyDer::Pkcs8(key) => Some(Zeroizing::new(key.secret_pkcs8_der().to_vec())),
        PrivateKeyDer::Pkcs1(key) => {
            let pair = rsa::KeyPair::from_der(key.secret_pkcs1_der()).ok()?;
            let der: Pkcs8V1Der<'_> = pair.as_der().ok()?;
            Some(Zeroizing::new(der.as_ref().to_vec()))
        }
        PrivateKeyDer::Sec1(key) => {
            let curves = [&ECDSA_P256_SHA256_ASN1_SIGNING, &ECDSA_P384_SHA384_ASN1_SIGNING];
            let read = |curve| EcdsaKeyPair::from_private_key_der(curve, key.secret_sec1_der()).ok();
            let pair = curves.into_iter().find_map(read)?;
            Some(Zeroizing::new(pair.to_pkcs8v1().ok()?.as_ref().to_vec()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sec1() -> String {
        let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).expect("a key");
        let key = pair.private_key();
        let der: aws_lc_rs::encoding::EcPrivateKeyRfc5915Der<'_> = key.as_der().expect("its DER");
        private_key_pem(der.as_ref()).replace("PRIVATE KEY", "EC PRIVATE KEY")
    }

    fn pkcs1() -> String {
        let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).expect("a key");
        let der: Pkcs8V1Der<'_> = pair.as_der().expect("its DER");
        // Behind the version and the algorithm PKCS#8 holds what PKCS#1 is (RFC 5208 §5).
        private_key_pem(&der.as_ref()[26..]).replace("PRIVATE KEY", "RSA PRIVATE KEY")
    }

    #[test]
    fn every_usual_spelling_becomes_pkcs8_with_the_same_public_key() {
        for text in [sec1(), pkcs1()] {
            let kind = text.lines().next().unwrap_or_default().to_owned();
            let key = LeafKey::read(&text).unwrap_or_else(|refused| panic!("{kind}: {refused}"));
            let pem = String::from_utf8(key.pem().to_vec()).expect("a text");
            assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n"), "{kind}");
            let again = LeafKey::read(&pem).unwrap_or_else(|refused| panic!("{kind} as PKCS#8: {refused}"));
            assert!(again.public() == key.public() && again.pem() == key.pem(), "{kind}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_repeated() {
        let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nc2VjcmV0\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let broken = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
        for (text, word) in [
            (encrypted, "openssl pkey"),
            (broken, "P-256"),
            ("c2VjcmV0", "BEGIN"),
            ("", "BEGIN"),
        ] {
            let Err(refused) = LeafKey::read(text) else {
                panic!("{text:?} was read");
            };
            assert_eq!(refused.field, "key_pem");
            assert!(
                refused.to_string().contains(word) && !refused.to_string().contains("c2VjcmV0"),
                "{refused}"
            );
        }
    }
}
