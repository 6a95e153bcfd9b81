//! The private key of a certificate, in whatever form it comes, as the one form that every server loads: PKCS#8 version 1
//! (RFC 5208) in PEM. OpenSSL 1.1 reads no version 2 (RFC 5958), which carries the public key beside the private one.
//!
//! In: PEM. Out: PEM that is wiped, and the public key. Never: a `Debug`, a refusal that repeats the key.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use zeroize::Zeroizing;

use crate::pem::private_key_pem;

/// RSA of 2048 to 8192 bits, P-256, P-384 or Ed25519.
pub struct LeafKey {
    pem: Zeroizing<String>,
    public: Vec<u8>,
}

/// Why a text is no key for a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoLeafKey {
    #[error("it holds no private key in PEM")]
    Absent,
    #[error("the key is encrypted with a passphrase")]
    Encrypted,
    #[error("it is a key of the kind {0}, which public CAs do not certify and many servers do not load")]
    Kind(&'static str),
    #[error("its private key is damaged, or an RSA key outside of 2048 to 8192 bits")]
    Unusable,
}

/// Both parts are read before the pair that aws-lc keeps is given up.
type Parts = (Zeroizing<Vec<u8>>, Vec<u8>);

#[derive(Clone, Copy)]
enum Form {
    Pkcs8,
    Sec1,
    Pkcs1,
}

/// By the identifier of algorithm or curve (DER, with tag and length).
const OTHER_KINDS: [(&[u8], &str); 11] = [
    (&[0x06, 5, 0x2b, 0x81, 0x04, 0x00, 0x23], "P-521"),
    (&[0x06, 5, 0x2b, 0x81, 0x04, 0x00, 0x0a], "secp256k1"),
    (&[0x06, 5, 0x2b, 0x81, 0x04, 0x00, 0x21], "P-224"),
    (&[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x01], "P-192"),
    (&[0x06, 9, 0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01], "Brainpool"),
    (&[0x06, 3, 0x2b, 0x65, 0x71], "Ed448"),
    (&[0x06, 3, 0x2b, 0x65, 0x6e], "X25519"),
    (&[0x06, 3, 0x2b, 0x65, 0x6f], "X448"),
    (&[0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01], "DSA"),
    (
        &[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a],
        "RSA-PSS",
    ),
    (
        &[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x03, 0x01],
        "Diffie-Hellman",
    ),
];

impl LeafKey {
    /// The first private key of a text: PKCS#8, SEC 1 or PKCS#1, not encrypted. What stands around it is left out.
    pub fn read(pem: &[u8]) -> Result<Self, NoLeafKey> {
        let (form, der) = block(pem)?;
        let (pkcs8, public) = parts(form, &der).ok_or_else(|| refusal(&der))?;
        Ok(Self {
            pem: private_key_pem(&pkcs8),
            public,
        })
    }

    /// SubjectPublicKeyInfo, DER.
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// PKCS#8 version 1, lines of 64 columns that end with LF.
    pub fn pem(&self) -> &[u8] {
        self.pem.as_bytes()
    }
}

/// The first block whose label names a private key.
fn block(pem: &[u8]) -> Result<(Form, Zeroizing<Vec<u8>>), NoLeafKey> {
    let text = std::str::from_utf8(pem).map_err(|_| NoLeafKey::Absent)?;
    for part in text.split("-----BEGIN ").skip(1) {
        let (label, rest) = part.split_once("-----").ok_or(NoLeafKey::Absent)?;
        let form = match label {
            "PRIVATE KEY" => Form::Pkcs8,
            "EC PRIVATE KEY" => Form::Sec1,
            "RSA PRIVATE KEY" => Form::Pkcs1,
            "ENCRYPTED PRIVATE KEY" => return Err(NoLeafKey::Encrypted),
            "DSA PRIVATE KEY" => return Err(NoLeafKey::Kind("DSA")),
            "OPENSSH PRIVATE KEY" => return Err(NoLeafKey::Kind("OpenSSH")),
            _ => continue,
        };
        let (inner, _) = rest.split_once("-----END").ok_or(NoLeafKey::Absent)?;
        // RFC 1421 headers, as OpenSSL writes them for a passphrase.
        if inner.contains("ENCRYPTED") {
            return Err(NoLeafKey::Encrypted);
        }
        let mut packed = Zeroizing::new(Vec::with_capacity(inner.len()));
        packed.extend(inner.bytes().filter(|byte| !byte.is_ascii_whitespace()));
        let der = BASE64.decode(packed.as_slice()).map_err(|_| NoLeafKey::Unusable)?;
        return Ok((form, Zeroizing::new(der)));
    }
    Err(NoLeafKey::Absent)
}

/// PKCS#8 version 1 and SubjectPublicKeyInfo.
fn parts(form: Form, der: &[u8]) -> Option<Parts> {
    match form {
        Form::Pkcs8 => elliptic(|curve| EcdsaKeyPair::from_pkcs8(curve, der).ok())
            .or_else(|| of_rsa(&rsa::KeyPair::from_pkcs8(der).ok()?))
            .or_else(|| of_ed25519(&Ed25519KeyPair::from_pkcs8(der).ok()?)),
        Form::Sec1 => elliptic(|curve| EcdsaKeyPair::from_private_key_der(curve, der).ok()),
        Form::Pkcs1 => of_rsa(&rsa::KeyPair::from_der(der).ok()?),
    }
}

fn elliptic(
    read: impl Fn(&'static aws_lc_rs::signature::EcdsaSigningAlgorithm) -> Option<EcdsaKeyPair>,
) -> Option<Parts> {
    let curves = [&ECDSA_P256_SHA256_ASN1_SIGNING, &ECDSA_P384_SHA384_ASN1_SIGNING];
    let pair = curves.into_iter().find_map(read)?;
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().ok()?;
    let private = Zeroizing::new(pair.to_pkcs8v1().ok()?.as_ref().to_vec());
    Some((private, public.as_ref().to_vec()))
}

fn of_rsa(pair: &rsa::KeyPair) -> Option<Parts> {
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().ok()?;
    let private: Pkcs8V1Der<'_> = pair.as_der().ok()?;
    Some((Zeroizing::new(private.as_ref().to_vec()), public.as_ref().to_vec()))
}

fn of_ed25519(pair: &Ed25519KeyPair) -> Option<Parts> {
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().ok()?;
    let private = Zeroizing::new(pair.to_pkcs8v1().ok()?.as_ref().to_vec());
    Some((private, public.as_ref().to_vec()))
}

/// By its name where it is a key of another kind.
fn refusal(der: &[u8]) -> NoLeafKey {
    let names = |id: &[u8]| der.windows(id.len()).any(|part| part == id);
    let kind = OTHER_KINDS.into_iter().find(|(id, _)| names(id));
    kind.map_or(NoLeafKey::Unusable, |(_, name)| NoLeafKey::Kind(name))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::{EcPrivateKeyRfc5915Der, Pkcs8V2Der};
    use aws_lc_rs::signature::ECDSA_P521_SHA512_ASN1_SIGNING;

    use super::*;

    fn sec1() -> String {
        let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).expect("a key");
        let key = pair.private_key();
        let der: EcPrivateKeyRfc5915Der<'_> = key.as_der().expect("its DER");
        private_key_pem(der.as_ref()).replace("PRIVATE KEY", "EC PRIVATE KEY")
    }

    fn pkcs1() -> String {
        let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).expect("a key");
        let der: Pkcs8V1Der<'_> = pair.as_der().expect("its DER");
        // Behind the version and the algorithm PKCS#8 holds what PKCS#1 is (RFC 5208 §5).
        private_key_pem(&der.as_ref()[26..]).replace("PRIVATE KEY", "RSA PRIVATE KEY")
    }

    fn ed25519_version_2() -> String {
        let pair = Ed25519KeyPair::generate().expect("a key");
        let der: Pkcs8V2Der<'_> = pair.as_der().expect("its DER");
        private_key_pem(der.as_ref()).to_string()
    }

    /// The version number of a PKCS#8 PEM.
    fn version(pem: &[u8]) -> u8 {
        let der = crate::pem::private_key_der(pem).expect("PKCS#8");
        let at = if der[1] & 0x80 == 0 {
            2
        } else {
            2 + usize::from(der[1] & 0x7f)
        };
        der[at + 2]
    }

    #[test]
    fn every_usual_form_becomes_pkcs8_version_1_with_the_same_public_key() {
        assert_eq!(version(ed25519_version_2().as_bytes()), 1, "the number of version 2");
        for text in [sec1(), pkcs1(), ed25519_version_2()] {
            let kind = text.lines().next().unwrap_or_default().to_owned();
            let around = format!("Bag Attributes\r\n{}\r\ntrailing words", text.replace('\n', "\r\n"));
            let key = LeafKey::read(around.as_bytes()).unwrap_or_else(|refused| panic!("{kind}: {refused}"));
            let pem = std::str::from_utf8(key.pem()).expect("a text");
            assert!(
                pem.starts_with("-----BEGIN PRIVATE KEY-----\n") && !pem.contains('\r'),
                "{kind}"
            );
            assert_eq!(version(key.pem()), 0, "{kind}");
            let again = LeafKey::read(key.pem()).unwrap_or_else(|refused| panic!("{kind} again: {refused}"));
            assert!(again.public() == key.public() && again.pem() == key.pem(), "{kind}");
        }
    }

    #[test]
    fn a_key_of_another_kind_is_refused_by_its_name() {
        let pair = EcdsaKeyPair::generate(&ECDSA_P521_SHA512_ASN1_SIGNING).expect("a key");
        let pem = private_key_pem(pair.to_pkcs8v1().expect("its DER").as_ref());
        let refused = LeafKey::read(pem.as_bytes()).err().expect("a refusal");
        assert_eq!(refused, NoLeafKey::Kind("P-521"));
        assert!(refused.to_string().contains("P-521"));
        // `openssl genpkey -algorithm ed448`
        let ed448 = "-----BEGIN PRIVATE KEY-----\n\
                     MEcCAQAwBQYDK2VxBDsEOQgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI\n\
                     CAgICAgICAgICAgICAgICAgICAgICAgICA==\n-----END PRIVATE KEY-----\n";
        assert_eq!(LeafKey::read(ed448.as_bytes()).err(), Some(NoLeafKey::Kind("Ed448")));
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_repeated() {
        let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nc2VjcmV0\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let old =
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nc2VjcmV0\n-----END RSA PRIVATE KEY-----\n";
        let broken = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
        for (text, expected) in [
            (encrypted, NoLeafKey::Encrypted),
            (old, NoLeafKey::Encrypted),
            (broken, NoLeafKey::Unusable),
            ("-----BEGIN PRIVATE KEY-----\nc2Vj", NoLeafKey::Absent),
            ("c2VjcmV0", NoLeafKey::Absent),
            ("", NoLeafKey::Absent),
        ] {
            let refused = LeafKey::read(text.as_bytes()).err().expect("a refusal");
            assert_eq!(refused, expected, "{text:?}");
            assert!(!refused.to_string().contains("c2Vj"), "{refused}");
        }
    }
}
