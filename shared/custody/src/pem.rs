//! Private keys as PKCS#8 PEM (RFC 7468 §10) in memory that is wiped, and certificates in the same clean form.
//!
//! In: DER or PEM. Out: the other one, [`Zeroizing`]. The PEM crates leave copies of the key on the heap.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----\n";
const END: &str = "-----END PRIVATE KEY-----\n";
const COLUMNS: usize = 64;
const BEGIN_CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\n";
const END_CERTIFICATE: &str = "-----END CERTIFICATE-----\n";

pub fn private_key_pem(der: &[u8]) -> Zeroizing<String> {
    block(BEGIN, END, der)
}

/// A certificate as PEM (RFC 7468 §5).
pub fn certificate_pem(der: &[u8]) -> String {
    block(BEGIN_CERTIFICATE, END_CERTIFICATE, der).to_string()
}

fn block(begin: &str, end: &str, der: &[u8]) -> Zeroizing<String> {
    let text = Zeroizing::new(BASE64.encode(der));
    // With room for everything from the start: a string that grows leaves a copy behind.
    let lines = text.len() / COLUMNS + 1;
    let mut pem = Zeroizing::new(String::with_capacity(begin.len() + text.len() + lines + end.len()));
    pem.push_str(begin);
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(COLUMNS).unwrap_or((rest, ""));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str(end);
    pem
}

/// `None` for anything else than one PKCS#8 private key.
pub fn private_key_der(pem: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let text = std::str::from_utf8(pem).ok()?.trim();
    let inner = text.strip_prefix(BEGIN.trim_end())?.strip_suffix(END.trim_end())?;
    let mut packed = Zeroizing::new(Vec::with_capacity(inner.len()));
    packed.extend(inner.bytes().filter(|byte| !byte.is_ascii_whitespace()));
    BASE64.decode(packed.as_slice()).ok().map(Zeroizing::new)
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn keys() {
        let seeds = [private_key_pem(b"some bytes of a key that is none").as_bytes().to_vec()];
        ::fuzz::holds(env!("CARGO_MANIFEST_DIR"), "keys", &seeds, |input| {
            if let Some(der) = private_key_der(input) {
                let again = private_key_der(private_key_pem(&der).as_bytes());
                assert_eq!(again.as_deref(), Some(&*der));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_same_pem_that_others_write_and_read() {
        for algorithm in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384] {
            let pair = rcgen::KeyPair::generate_for(algorithm).expect("a key");
            let pem = private_key_pem(pair.serialized_der());
            assert_eq!(pem.as_str(), pair.serialize_pem().replace("\r\n", "\n"));
            let der = private_key_der(pem.as_bytes()).expect("parses");
            assert_eq!(der.as_slice(), pair.serialized_der());
        }
    }

    #[test]
    fn lengths_around_a_full_line_survive() {
        for length in 0..200 {
            let der = vec![0xA5; length];
            let pem = private_key_pem(&der);
            assert!(pem.lines().all(|line| line.len() <= COLUMNS));
            assert_eq!(private_key_der(pem.as_bytes()).expect("parses").as_slice(), der);
        }
    }

    #[test]
    fn other_text_is_no_key() {
        for wrong in [
            "",
            "key",
            BEGIN,
            "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n",
        ] {
            assert!(private_key_der(wrong.as_bytes()).is_none(), "{wrong:?}");
        }
    }
}
