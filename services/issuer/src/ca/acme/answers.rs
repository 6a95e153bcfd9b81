//! Answers of a CA as this issuer takes them: relative addresses made absolute, and bodies that are no JSON quoted.
//!
//! In: an answer and the address that was asked. Out: the answer as the library can use it; the first words of a body for
//! people. Never: a URL that is absolute already is changed, for it is signed as the CA wrote it.

use bytes::Bytes;
use http::header::LOCATION;
use http::{HeaderMap, HeaderValue, Response};
use serde_json::Value;
use url::Url;

use super::redact;

/// The members of a directory, an order and an authorization that are addresses (RFC 8555 §7.1, RFC 9773 §3).
const ADDRESSES: [&str; 10] = [
    "newNonce",
    "newAccount",
    "newOrder",
    "newAuthz",
    "revokeCert",
    "keyChange",
    "renewalInfo",
    "finalize",
    "certificate",
    "url",
];
const LISTS: [(&str, Option<&str>); 2] = [("authorizations", None), ("challenges", Some("url"))];
/// So much of a body is quoted.
const WORDS: usize = 120;

/// The answer with absolute addresses (RFC 3986 §5: relative to the address that was asked), and its body when it is JSON.
pub fn absolute(answer: Response<Bytes>, asked: &Url) -> (Response<Bytes>, Option<Value>) {
    let (mut parts, mut body) = answer.into_parts();
    resolve_location(&mut parts.headers, asked);
    let mut read: Option<Value> = serde_json::from_slice(&body).ok();
    if let Some(value) = &mut read
        && resolve(value, asked)
    {
        body = Bytes::from(value.to_string());
    }
    (Response::from_parts(parts, body), read)
}

fn resolve_location(headers: &mut HeaderMap, asked: &Url) {
    let relative = headers.get(LOCATION).and_then(|value| value.to_str().ok());
    let whole = relative.and_then(|text| joined(text, asked));
    if let Some(value) = whole.and_then(|url| HeaderValue::from_str(url.as_str()).ok()) {
        headers.insert(LOCATION, value);
    }
}

/// Whether there was anything to resolve.
fn resolve(value: &mut Value, asked: &Url) -> bool {
    let Value::Object(members) = value else { return false };
    let mut changed = false;
    for key in ADDRESSES {
        changed |= members.get_mut(key).is_some_and(|one| resolve_one(one, asked));
    }
    for (key, member) in LISTS {
        for one in members.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten() {
            let address = match member {
                None => Some(one),
                Some(member) => one.get_mut(member),
            };
            changed |= address.is_some_and(|one| resolve_one(one, asked));
        }
    }
    changed
}

fn resolve_one(value: &mut Value, asked: &Url) -> bool {
    let Some(whole) = value.as_str().and_then(|text| joined(text, asked)) else {
        return false;
    };
    *value = Value::String(whole.into());
    true
}

/// Nothing when the text is an absolute address, or none at all.
fn joined(text: &str, asked: &Url) -> Option<Url> {
    match Url::parse(text) {
        Err(url::ParseError::RelativeUrlWithoutBase) if !text.is_empty() => asked.join(text).ok(),
        Ok(_) | Err(_) => None,
    }
}

/// For people: the first words of a body that is no problem document, in one line and without control characters or tokens.
pub fn first_words(body: &[u8]) -> String {
    let start = String::from_utf8_lossy(&body[..body.len().min(8 * WORDS)]);
    let plain: String = start.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut quoted = String::new();
    for word in plain.split_whitespace() {
        if quoted.len() + word.len() >= WORDS {
            let left = WORDS.saturating_sub(quoted.len() + 1);
            // A word that alone is too long is cut; any other stands whole or not at all.
            if quoted.is_empty() {
                quoted.extend(word.chars().take(left));
            }
            quoted.push('…');
            break;
        }
        if !quoted.is_empty() {
            quoted.push(' ');
        }
        quoted.push_str(word);
    }
    if quoted.is_empty() {
        "(an empty answer)".to_owned()
    } else {
        redact::paths(&quoted)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn resolved(body: &Value, location: &str) -> (Value, String) {
        let asked: Url = "https://ca.example/acme/new/order?x=1".parse().expect("a URL");
        let answer = Response::builder()
            .header(LOCATION, location)
            .body(body.to_string().into());
        let (answer, read) = absolute(answer.expect("an answer"), &asked);
        let sent: Value = serde_json::from_slice(answer.body()).expect("JSON");
        assert_eq!(Some(&sent), read.as_ref(), "what is noted is what the library reads");
        let location = answer.headers()[LOCATION].to_str().expect("text").to_owned();
        (sent, location)
    }

    #[test]
    fn relative_addresses_are_resolved_as_rfc_3986_says() {
        let order = json!({
            "status": "pending", "finalize": "../finalize/1", "certificate": "//other.example/cert/1",
            "authorizations": ["/authz/1", "authz/2", "https://ca.example/authz/3"],
        });
        let (order, location) = resolved(&order, "/order/1");
        assert_eq!(location, "https://ca.example/order/1");
        assert_eq!(order["finalize"], "https://ca.example/acme/finalize/1");
        assert_eq!(order["certificate"], "https://other.example/cert/1");
        let authorizations = json!([
            "https://ca.example/authz/1",
            "https://ca.example/acme/new/authz/2",
            "https://ca.example/authz/3"
        ]);
        assert_eq!(order["authorizations"], authorizations);
        let (authorization, _) = resolved(&json!({"challenges": [{"type": "http-01", "url": "/c/1"}]}), "x");
        assert_eq!(authorization["challenges"][0]["url"], "https://ca.example/c/1");
    }

    #[test]
    fn what_is_absolute_stays_as_the_ca_wrote_it() {
        let order = json!({"finalize": "HTTPS://CA.example:443/f", "authorizations": ["https://ca.example"], "error": {"url": "/x"}});
        let (same, location) = resolved(&order, "HTTPS://CA.example/o");
        assert_eq!((same, location.as_str()), (order, "HTTPS://CA.example/o"));
    }

    #[test]
    fn a_body_is_quoted_by_its_first_words_in_one_line() {
        assert_eq!(
            first_words(b"<html>\r\n <h1>Bad\0\x1b[31m gateway</h1>"),
            "<html> <h1>Bad [31m gateway</h1>"
        );
        assert_eq!(first_words(b" \n"), "(an empty answer)");
        let long = first_words("word ".repeat(100).as_bytes());
        assert!(long.len() < WORDS + 4 && long.ends_with("word…"), "{long}");
        let endless = first_words("ä".repeat(5_000).as_bytes());
        assert!(endless.chars().count() <= WORDS && endless.ends_with('…'), "{endless}");
        let token = first_words(b"see http://a.example/.well-known/acme-challenge/SECRET now");
        assert!(!token.contains("SECRET") && token.ends_with("now"), "{token}");
    }
}
