//! Keys from a secret: HKDF-SHA256 (RFC 5869).
//!
//! In: an extracted secret, what the key is for. Out: 32 bytes that are wiped when they are dropped.

use aws_lc_rs::hkdf::{KeyType, Prk};

use crate::aes::{self, KEY_LEN};

struct KeyLength;

impl KeyType for KeyLength {
    fn len(&self) -> usize {
        KEY_LEN
    }
}

/// `info`: the parts that tell this key from the others of the secret; they are joined as they are.
pub(crate) fn key(from: &Prk, info: &[&[u8]]) -> aes::Key {
    let mut key = aes::Key::default();
    // HKDF-SHA256 gives up to 8,160 bytes (RFC 5869 §2.3): 32 cannot fail.
    from.expand(info, KeyLength)
        .and_then(|output| output.fill(key.as_mut()))
        .expect("HKDF-SHA256 expands to 32 bytes");
    key
}
