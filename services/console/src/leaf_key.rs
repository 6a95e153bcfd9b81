//! A private key that a person uploads: read, and refused with what to do. It is sealed before it goes anywhere.
//!
//! In: PEM. Out: a key in the form that servers load. Never: a refusal that repeats the key.

use custody::{LeafKey, NoLeafKey};
use domain::Invalid;

pub(crate) fn read(text: &str) -> Result<LeafKey, Invalid> {
    LeafKey::read(text.as_bytes()).map_err(|why| Invalid::new("key_pem", why.to_string(), remedy(why)))
}

fn remedy(why: NoLeafKey) -> &'static str {
    match why {
        NoLeafKey::Encrypted => {
            "take the passphrase off first (openssl pkey -in KEY -out PLAIN); it travels and rests sealed"
        }
        NoLeafKey::Kind(_) => {
            "have a certificate issued for an RSA key of 2048 bits or more, or for one on P-256 or P-384"
        }
        NoLeafKey::Absent | NoLeafKey::Unusable => {
            "give the file from -----BEGIN PRIVATE KEY----- to its end: an RSA key, or one on P-256 or P-384"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_key_is_refused_with_what_to_do_and_not_repeated() {
        let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nc2VjcmV0\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let broken = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
        let dsa = "-----BEGIN DSA PRIVATE KEY-----\nc2VjcmV0\n-----END DSA PRIVATE KEY-----\n";
        for (text, word) in [
            (encrypted, "openssl pkey"),
            (broken, "P-256"),
            (dsa, "of the kind DSA"),
            ("c2VjcmV0", "BEGIN"),
            ("", "BEGIN"),
        ] {
            let Err(refused) = read(text) else {
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
