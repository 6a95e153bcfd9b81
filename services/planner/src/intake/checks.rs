//! What holds for every request, whatever it asks.

use domain::Invalid;

/// More hostnames or runs in one request would not fit into one message and one transaction comfortably.
const MOST: usize = 1_000;
const LONGEST_NOTE: usize = 1_000;

pub(super) fn check_note(note: Option<&str>) -> Result<(), Invalid> {
    match note {
        Some(note) if note.len() > LONGEST_NOTE => {
            let problem = format!("it has {} characters", note.len());
            Err(Invalid::new("note", problem, format!("say it in {LONGEST_NOTE}")))
        }
        Some(_) | None => Ok(()),
    }
}

pub(super) fn short(field: &str, text: &str) -> Result<(), Invalid> {
    if (1..=200).contains(&text.len()) && !text.chars().any(char::is_control) {
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
