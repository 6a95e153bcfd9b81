//! Texts that others send, made fit to be kept and shown: control characters become U+FFFD. Pure.
//!
//! In: subjects of certificates, bodies of CAs and proxies, outputs of hooks. Out: the same text
//! without control characters, which a terminal would obey, and without U+0000, which Postgres
//! keeps in no text. Never: a refusal; what was sent is evidence.

use std::borrow::Cow;

use serde_json::Value;

const INSTEAD: char = '\u{FFFD}';
/// How JSON writes U+0000, and what it is replaced by: of the same length.
const NUL: &[u8; 6] = b"\\u0000";
const NO_NUL: &[u8; 6] = b"\\ufffd";

/// A text of several lines: line breaks and tabs stay, and the line breaks of Windows become ours.
pub fn clean(text: impl Into<String>) -> String {
    let text = text.into();
    let stays = |c: char| !c.is_control() || c == '\n' || c == '\t';
    if text.chars().all(stays) {
        return text;
    }
    let text = text.replace("\r\n", "\n");
    text.chars().map(|c| if stays(c) { c } else { INSTEAD }).collect()
}

/// A text of one line.
pub fn clean_line(text: impl Into<String>) -> String {
    let text = text.into();
    if !text.chars().any(char::is_control) {
        return text;
    }
    text.chars().map(|c| if c.is_control() { INSTEAD } else { c }).collect()
}

/// Whether a text of this JSON contains U+0000.
pub fn has_nul(json: &[u8]) -> bool {
    nuls(json).next().is_some()
}

/// JSON text in which nothing says U+0000.
pub fn without_nul(json: &[u8]) -> Cow<'_, [u8]> {
    if !has_nul(json) {
        return Cow::Borrowed(json);
    }
    let mut written = json.to_vec();
    remove_nul(&mut written);
    Cow::Owned(written)
}

/// Replaces NUL characters in JSON text in place: the length stays.
pub fn remove_nul(json: &mut [u8]) {
    let places: Vec<usize> = nuls(json).collect();
    for place in places {
        json[place..place + NO_NUL.len()].copy_from_slice(NO_NUL);
    }
}

/// Replaces NUL characters in a JSON value, keys included.
pub fn remove_nul_of(value: &mut Value) {
    let cleaned = |text: &str| text.replace('\0', "\u{FFFD}");
    match value {
        Value::String(text) if text.contains('\0') => *text = cleaned(text),
        Value::Array(items) => items.iter_mut().for_each(remove_nul_of),
        Value::Object(fields) => {
            if fields.keys().any(|key| key.contains('\0')) {
                let renamed = std::mem::take(fields)
                    .into_iter()
                    .map(|(key, value)| (cleaned(&key), value));
                *fields = renamed.collect();
            }
            fields.values_mut().for_each(remove_nul_of);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Where escapes of U+0000 begin. A backslash that is itself escaped begins none.
fn nuls(json: &[u8]) -> impl Iterator<Item = usize> {
    let escapes = json.windows(NUL.len()).enumerate().filter(|(_, six)| *six == NUL);
    escapes.map(|(at, _)| at).filter(|at| {
        let before = json[..*at].iter().rev().take_while(|byte| **byte == b'\\').count();
        before % 2 == 0
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn control_characters_are_shown_as_what_cannot_be_shown() {
        assert_eq!(
            clean("a\0b\u{1b}[2Jc\u{9b}d\n\te\r\nf"),
            "a\u{FFFD}b\u{FFFD}[2Jc\u{FFFD}d\n\te\nf"
        );
        assert_eq!(clean_line("a\r\nb\0"), "a\u{FFFD}\u{FFFD}b\u{FFFD}");
        assert_eq!(
            (clean("plain ä\n"), clean_line("plain ä")),
            ("plain ä\n".to_owned(), "plain ä".to_owned())
        );
    }

    #[test]
    fn a_written_out_escape_is_no_nul() {
        assert!(!has_nul(br#"{"a":"\\u0000"}"#) && has_nul(br#"{"a":"\\\u0000"}"#) && has_nul(br#""\u0000""#));
    }

    proptest! {
        /// Whatever a text holds, its JSON can be kept afterwards, and says the same but for
        /// U+0000.
        #[test]
        fn json_without_nul_says_the_same_otherwise(texts in prop::collection::vec("[\\x00\\\\u0a\"ä]{0,12}", 0..6)) {
            let json = serde_json::to_vec(&texts).expect("JSON");
            let read: Vec<String> = serde_json::from_slice(&without_nul(&json)).expect("still JSON");
            let wanted: Vec<String> = texts.iter().map(|text| text.replace('\0', "\u{FFFD}")).collect();
            prop_assert_eq!(&read, &wanted);
            let mut value = serde_json::to_value(&texts).expect("JSON");
            remove_nul_of(&mut value);
            prop_assert_eq!(value, serde_json::to_value(&wanted).expect("JSON"));
        }
    }
}
