//! What holds for every request, whatever it asks.

use domain::Invalid;
use serde_json::Value;

/// More hostnames or runs in one request would not fit into one message and one transaction comfortably.
const MOST: usize = 1_000;
const LONGEST_NOTE: usize = 1_000;

pub(super) fn check_note(note: Option<&str>) -> Result<(), Invalid> {
    match note {
        Some(note) if note.chars().count() > LONGEST_NOTE => {
            let problem = format!("it has {} characters", note.chars().count());
            Err(Invalid::new("note", problem, format!("say it in {LONGEST_NOTE}")))
        }
        Some(_) | None => Ok(()),
    }
}

/// Postgres keeps no text with U+0000 in it.
pub(super) fn no_nul(body: &Value) -> Result<(), Invalid> {
    match body {
        Value::String(text) if text.contains('\0') => {
            let problem = "a text contains the character U+0000, which no database keeps";
            Err(Invalid::new("payload", problem, "leave it out"))
        }
        Value::Array(items) => items.iter().try_for_each(no_nul),
        Value::Object(fields) => fields.values().try_for_each(no_nul),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

pub(super) fn short(field: &str, text: &str) -> Result<(), Invalid> {
    if (1..=200).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
        return Ok(());
    }
    let remedy = "for example a UUID, or a name";
    Err(Invalid::new(
        field,
        "it must have 1 to 200 characters, in one line",
        remedy,
    ))
}

pub(super) fn few_enough(field: &str, many: usize) -> Result<(), Invalid> {
    if (1..=MOST).contains(&many) {
        return Ok(());
    }
    let problem = format!("{many} are out of range");
    Err(Invalid::new(field, problem, format!("give 1 to {MOST} in one request")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_that_no_database_keeps_is_refused_wherever_it_stands() {
        assert_eq!(
            no_nul(&json!({"hostnames": ["a.example.org"], "at_once": true})),
            Ok(())
        );
        for body in [
            json!({"requested_by": "a\u{0}b"}),
            json!({"spec": {"filter": {"tags": ["\u{0}"]}}}),
        ] {
            assert_eq!(no_nul(&body).expect_err("a NUL").field, "payload");
        }
    }

    #[test]
    fn characters_are_counted_not_bytes() {
        assert_eq!(short("requested_by", &"ü".repeat(200)), Ok(()));
        assert!(short("requested_by", &"ü".repeat(201)).is_err());
        assert_eq!(check_note(Some(&"ü".repeat(1_000))), Ok(()));
        assert!(check_note(Some(&"ü".repeat(1_001))).is_err());
    }
}
