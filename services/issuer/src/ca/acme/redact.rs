//! Cuts out of an exchange what must not be kept: nonces, signatures, tokens, key authorizations,
//! account bindings.
//!
//! In: raw bodies. Out: text of a bounded length, and the tokens that were met. Never: changes what
//! is sent.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::counted;
use serde::Deserialize;
use serde_json::Value;

pub const CUT: &str = "(redacted)";
/// Of each body this much is kept.
const LONGEST: usize = 4096;
const WELL_KNOWN: &str = "/.well-known/acme-challenge/";
const SECRET_KEYS: [&str; 5] = [
    "token",
    "keyAuthorization",
    "externalAccountBinding",
    "nonce",
    "signature",
];

#[derive(Deserialize)]
struct Jws {
    payload: String,
}

/// The payload of a signed request (RFC 7515) as text; empty for POST-as-GET.
pub fn request(body: &[u8], tokens: &[String]) -> String {
    let Ok(jws) = serde_json::from_slice::<Jws>(body) else {
        return if body.is_empty() {
            String::new()
        } else {
            format!("({})", counted(body.len(), "byte"))
        };
    };
    match BASE64_URL_SAFE_NO_PAD.decode(jws.payload) {
        Ok(payload) => text(&payload, tokens),
        Err(_) => "(a payload that is no base64url)".to_owned(),
    }
}

/// A body as text: JSON without its secrets, anything else as it is, both cut to a bounded length.
pub fn text(raw: &[u8], tokens: &[String]) -> String {
    body(raw, serde_json::from_slice(raw).ok(), tokens)
}

/// Redacts a body that was read already; `read` is `None` when it is no JSON.
pub fn body(raw: &[u8], read: Option<Value>, tokens: &[String]) -> String {
    let kept = match read {
        Some(mut value) => {
            clean(&mut value);
            value.to_string()
        }
        None => String::from_utf8_lossy(raw).into_owned(),
    };
    let kept = tokens
        .iter()
        .fold(kept, |text, token| text.replace(token.as_str(), CUT));
    shorten(kept)
}

/// Every `token` in a JSON body: problem details repeat them later.
pub fn tokens_in(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(key, inner)| match inner.as_str() {
                Some(token) if key == "token" && !token.is_empty() => vec![token.to_owned()],
                Some(_) | None => tokens_in(inner),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(tokens_in).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

fn clean(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, inner) in fields.iter_mut() {
                if SECRET_KEYS.contains(&key.as_str()) {
                    *inner = Value::String(CUT.to_owned());
                } else {
                    clean(inner);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(clean),
        Value::String(text) => *text = paths(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A sentence of the CA without the tokens that its URLs end in.
pub fn paths(text: &str) -> String {
    let is_token = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let mut parts = text.split(WELL_KNOWN);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |shown, part| {
        format!("{shown}{WELL_KNOWN}{CUT}{}", part.trim_start_matches(is_token))
    })
}

fn shorten(mut text: String) -> String {
    if text.len() <= LONGEST {
        return text;
    }
    let whole = text.len();
    let end = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.truncate(end);
    text.push_str(&format!("… ({whole} bytes)"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn signed(payload: &str) -> Vec<u8> {
        let payload = BASE64_URL_SAFE_NO_PAD.encode(payload);
        json!({"protected": "cHJvdA", "payload": payload, "signature": "c2ln"})
            .to_string()
            .into_bytes()
    }

    #[test]
    fn a_request_shows_its_payload_and_neither_nonce_nor_signature() {
        let shown = request(&signed(r#"{"identifiers":[{"type":"dns","value":"a.example"}]}"#), &[]);
        assert!(shown.contains("a.example"));
        assert!(!shown.contains("cHJvdA") && !shown.contains("c2ln"), "{shown}");
        assert_eq!(request(&signed(""), &[]), "");
        assert_eq!(request(b"", &[]), "");
    }

    #[test]
    fn account_bindings_are_cut_out() {
        let shown = request(
            &signed(r#"{"externalAccountBinding":{"payload":"SECRET"},"contact":[]}"#),
            &[],
        );
        assert!(!shown.contains("SECRET") && shown.contains(CUT), "{shown}");
    }

    #[test]
    fn tokens_are_cut_out_wherever_they_stand() {
        let body = json!({"challenges": [{
            "token": "tok-EN_1",
            "keyAuthorization": "tok-EN_1.thumb",
            "validationRecord": [{"url": "http://a.example/.well-known/acme-challenge/tok-EN_1"}],
            "error": {"detail": "Get \"http://a/.well-known/acme-challenge/other9\": http://a/.well-known/acme-challenge/other8 now"},
        }]});
        let known = tokens_in(&body);
        assert_eq!(known, ["tok-EN_1"]);
        let shown = text(body.to_string().as_bytes(), &known);
        assert!(!shown.contains("tok-EN_1") && !shown.contains("other"), "{shown}");
        assert!(shown.contains(" now"), "{shown}");
    }

    #[test]
    fn long_bodies_are_cut_at_a_character() {
        let shown = text("ä".repeat(LONGEST).as_bytes(), &[]);
        assert!(
            shown.len() < LONGEST + 40 && shown.contains(&format!("({} bytes)", LONGEST * 2)),
            "{shown}"
        );
    }
}
