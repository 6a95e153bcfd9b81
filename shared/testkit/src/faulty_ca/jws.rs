//! Signed requests (RFC 8555 §6.2): who signs, and whether it is true.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Ca;
use super::problem::Refusal;

pub(super) type AccountId = usize;

/// A P-256 public key of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PublicKey {
    /// Uncompressed, as the verification takes it.
    point: Vec<u8>,
    /// RFC 7638: what key authorizations end in.
    pub(super) thumbprint: String,
}

/// A request whose signature, nonce and URL are good.
pub(super) struct Signed {
    pub(super) key: PublicKey,
    /// Who signed, if by an account's URL.
    account: Option<AccountId>,
    /// `null` for a POST-as-GET.
    pub(super) payload: Value,
}

impl Signed {
    pub(super) fn account(&self) -> Result<AccountId, Refusal> {
        self.account
            .ok_or_else(|| Refusal::malformed("this request is signed by an account's URL"))
    }
}

impl Ca {
    pub(super) fn verified(&self, path: &str, body: &[u8]) -> Result<Signed, Refusal> {
        let jws: Value = serde_json::from_slice(body).map_err(|e| Refusal::malformed(e.to_string()))?;
        let (protected, payload) = (text(&jws, "protected")?, text(&jws, "payload")?);
        let header: Value =
            serde_json::from_slice(&decoded(protected)?).map_err(|e| Refusal::malformed(e.to_string()))?;
        if header["alg"] != "ES256" {
            return Err(Refusal::new(400, "badSignatureAlgorithm", "sign with ES256"));
        }
        if text(&header, "url")? != self.url(path) {
            return Err(Refusal::new(401, "unauthorized", "it was signed for another URL"));
        }
        let (key, account) = self.signer(&header)?;
        let message = format!("{protected}.{payload}");
        let signature = decoded(text(&jws, "signature")?)?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &key.point)
            .verify(message.as_bytes(), &signature)
            .map_err(|_| Refusal::malformed("the signature is not by this key"))?;
        if !self.book().nonces.remove(text(&header, "nonce")?) {
            return Err(Refusal::new(400, "badNonce", "this nonce is not known"));
        }
        let payload = decoded(payload)?;
        let payload = if payload.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&payload).map_err(|e| Refusal::malformed(e.to_string()))?
        };
        Ok(Signed { key, account, payload })
    }

    fn signer(&self, header: &Value) -> Result<(PublicKey, Option<AccountId>), Refusal> {
        if header["jwk"].is_object() {
            return Ok((PublicKey::of_jwk(&header["jwk"])?, None));
        }
        let unknown = || Refusal::new(400, "accountDoesNotExist", "no account has this URL");
        let prefix = self.url("/account/");
        let id = text(header, "kid")?
            .strip_prefix(&prefix)
            .and_then(|id| id.parse().ok());
        let id: AccountId = id.ok_or_else(unknown)?;
        let book = self.book();
        if book.deactivated.contains(&id) {
            return Err(Refusal::deactivated());
        }
        let key = book.accounts.get(id).cloned().ok_or_else(unknown)?;
        Ok((key, Some(id)))
    }
}

impl PublicKey {
    fn of_jwk(jwk: &Value) -> Result<Self, Refusal> {
        let (x, y) = (text(jwk, "x")?, text(jwk, "y")?);
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let point = [vec![4], decoded(x)?, decoded(y)?].concat();
        Ok(Self {
            point,
            thumbprint: BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(canonical)),
        })
    }
}

pub(super) fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str, Refusal> {
    value[key]
        .as_str()
        .ok_or_else(|| Refusal::malformed(format!("{key} is missing")))
}

pub(super) fn decoded(text: &str) -> Result<Vec<u8>, Refusal> {
    BASE64_URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|e| Refusal::malformed(e.to_string()))
}
