//! Whether what is in place may be replaced: a chain takes the place of certificates only, a key
//! that of a key only. Pure.
//!
//! In: the bytes of both files. Out: leave, or what is there instead. Never: a private key that is
//! lost because a path was wrong.

use super::location::FileLocation;
use super::present::Present;
use super::trouble::misconfigured;
use crate::targets::TargetError;

const KEY: &[u8] = b"PRIVATE KEY-----";
const CERTIFICATE: &[u8] = b"CERTIFICATE-----";

/// What a run would replace: nothing where there is no file.
pub fn check(
    key: &FileLocation,
    key_there: Option<&Present>,
    chain: &FileLocation,
    there: Option<&Present>,
) -> Result<(), TargetError> {
    check_chain(chain, bytes(there))?;
    check_key(key, bytes(key_there))
}

pub fn has_key(content: &[u8]) -> bool {
    holds(content, KEY)
}

fn check_chain(place: &FileLocation, content: &[u8]) -> Result<(), TargetError> {
    let shown = place.file().display();
    if has_key(content) {
        let what = format!("{shown} holds a private key, which the new chain would destroy");
        let remedy =
            "give chain_path and key_path a file each, and let the server read both; or take the key out of it";
        return Err(misconfigured(what, remedy));
    }
    if is_blank(content) || holds(content, CERTIFICATE) {
        return Ok(());
    }
    let what = format!("{shown} holds no certificate in PEM: it is some other file, and is not replaced");
    Err(misconfigured(
        what,
        "correct chain_path in the policy's target, or move that file away",
    ))
}

fn check_key(place: &FileLocation, content: &[u8]) -> Result<(), TargetError> {
    let shown = place.file().display();
    if holds(content, CERTIFICATE) {
        let what = format!("{shown} holds a certificate, which the new key would destroy");
        let remedy = "give chain_path and key_path a file each, and let the server read both";
        return Err(misconfigured(what, remedy));
    }
    if is_blank(content) || has_key(content) {
        return Ok(());
    }
    let what = format!("{shown} holds no private key in PEM: it is some other file, and is not replaced");
    Err(misconfigured(
        what,
        "correct key_path in the policy's target, or move that file away",
    ))
}

fn bytes(present: Option<&Present>) -> &[u8] {
    present.map_or(&[], |present| present.content.as_slice())
}

/// An empty placeholder, as `touch` makes it.
fn is_blank(content: &[u8]) -> bool {
    content.iter().all(u8::is_ascii_whitespace)
}

fn holds(content: &[u8], mark: &[u8]) -> bool {
    content.windows(mark.len()).any(|part| part == mark)
}
