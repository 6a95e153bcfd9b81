//! AES-256-GCM with a random nonce (NIST SP 800-38D §8.2.2), as both layers of an envelope use it.
//!
//! In: a key of 32 bytes, associated data, bytes. Out: nonce, ciphertext and tag in one row, or the plaintext.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::error::Unspecified;
use zeroize::Zeroizing;

pub const KEY_LEN: usize = 32;
const TAG_LEN: usize = 16;

pub type Key = Zeroizing<[u8; KEY_LEN]>;

/// A key that was never used before.
pub fn fresh_key() -> Result<Key, Unspecified> {
    let mut key = Key::default();
    aws_lc_rs::rand::fill(key.as_mut())?;
    Ok(key)
}

pub fn seal(key: &Key, associated: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, Unspecified> {
    // With room for the tag from the start: a buffer that grows would leave a copy of the plaintext behind.
    let mut text = Vec::with_capacity(plaintext.len() + TAG_LEN);
    text.extend_from_slice(plaintext);
    let key = RandomizedNonceKey::new(&AES_256_GCM, key.as_ref())?;
    let nonce = key.seal_in_place_append_tag(Aad::from(associated), &mut text)?;
    Ok([nonce.as_ref().as_slice(), &text].concat())
}

pub fn open(key: &Key, associated: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
    let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or(Unspecified)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce)?;
    let mut text = Zeroizing::new(text.to_vec());
    let key = RandomizedNonceKey::new(&AES_256_GCM, key.as_ref())?;
    let length = key.open_in_place(nonce, Aad::from(associated), &mut text)?.len();
    text.truncate(length);
    Ok(text)
}
