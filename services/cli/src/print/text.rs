//! What a command prints: lines, none of which a terminal obeys. Pure.
//!
//! In: texts, of which parts come from certificates, CAs, servers and other people. Out: lines in
//! which a control character is shown as its escape, and a line break in text of another party
//! begins no line.

use std::fmt;

/// Columns that lines after the first of a wrapped line are moved to the right.
const HANGING: usize = 4;

/// Lines, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text(Vec<String>);

impl Text {
    /// One line.
    pub fn of(line: impl AsRef<str>) -> Self {
        let mut text = Self::default();
        text.line(line);
        text
    }

    /// Adds a line. Line breaks in it become blanks: what follows one would look like a line of
    /// ours.
    pub fn line(&mut self, line: impl AsRef<str>) {
        self.0.push(shown(&one_line(line.as_ref())));
    }

    /// Adds text that has lines of its own, each behind `before`.
    pub fn block(&mut self, before: &str, text: &str) {
        let lines = text.lines().map(|line| shown(&format!("{before}{line}")));
        self.0.extend(lines);
    }

    /// Adds all lines of another text.
    pub fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The lines, each of at most `width` columns where it has a blank to be broken at. What goes
    /// on is moved to the right.
    #[must_use]
    pub fn wrapped(&self, width: usize) -> Self {
        Self(self.0.iter().flat_map(|line| wrap(line, width)).collect())
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

/// Control characters and marks that turn the direction of writing, as their escapes: JSON stays
/// the same JSON.
pub fn shown(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, one| {
        if is_obeyed(one) {
            out.push_str(&format!("\\u{:04x}", u32::from(one)));
        } else {
            out.push(one);
        }
        out
    })
}

fn is_obeyed(one: char) -> bool {
    let turns = matches!(one, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let ends_line = matches!(one, '\u{2028}' | '\u{2029}');
    (one.is_control() && one != '\t') || turns || ends_line
}

/// Text of another party, in one line.
pub fn one_line(text: &str) -> String {
    if !text.contains(['\n', '\r']) {
        return text.to_owned();
    }
    let mut lines = text.split(['\n', '\r']);
    // The indentation of the first line is ours.
    let first = lines.next().unwrap_or_default().trim_end();
    let others = lines.map(str::trim).filter(|line| !line.is_empty());
    let all = std::iter::once(first).filter(|line| !line.is_empty()).chain(others);
    all.collect::<Vec<_>>().join(" ")
}

fn wrap(line: &str, width: usize) -> Vec<String> {
    let indent = line.chars().take_while(|one| *one == ' ').count();
    let hanging = (indent + HANGING).min(width / 2);
    let (mut lines, mut rest, mut room) = (Vec::new(), line.to_owned(), 0);
    while rest.chars().count() > width {
        let Some(at) = break_in(&rest, room, width) else { break };
        let next = rest[at..].trim_start().to_owned();
        rest.truncate(at);
        lines.push(rest.trim_end().to_owned());
        rest = format!("{}{next}", " ".repeat(hanging));
        room = hanging;
    }
    lines.push(rest);
    lines
}

/// Where the line is broken: at the last blank within the width, else at the first behind it; never
/// in its indentation.
fn break_in(line: &str, room: usize, width: usize) -> Option<usize> {
    let begins = line.len() - line.trim_start().len();
    let blanks = line
        .char_indices()
        .enumerate()
        .filter(|(_, (at, one))| *one == ' ' && *at > begins.max(room));
    let mut within = None;
    for (column, (at, _)) in blanks {
        if column > width {
            return within.or(Some(at));
        }
        within = Some(at);
    }
    within
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_printed_is_obeyed() {
        let hostile = "CN=\u{1b}]0;owned\u{7}\u{9b}2J\u{202e}gro.elpmaxe\u{7f}\u{85}";
        assert_eq!(
            Text::of(hostile).to_string(),
            "CN=\\u001b]0;owned\\u0007\\u009b2J\\u202egro.elpmaxe\\u007f\\u0085"
        );
        let json = serde_json::json!({ "subject": hostile });
        let read: serde_json::Value = serde_json::from_str(&shown(&json.to_string())).expect("the same JSON");
        assert_eq!(read, json);
        assert_eq!(Text::of("müller ✓ → 1\t2").to_string(), "müller ✓ → 1\t2");
    }

    #[test]
    fn a_line_break_of_somebody_else_begins_no_line() {
        assert_eq!(
            Text::of("    seen\r\n\n  ✓ all is well\n").to_string(),
            "    seen ✓ all is well"
        );
        let mut block = Text::default();
        block.block("  > ", "one\ntwo\u{1b}[2J");
        assert_eq!(block.to_string(), "  > one\n  > two\\u001b[2J");
    }

    #[test]
    fn a_long_line_is_broken_at_blanks_and_goes_on_to_the_right() {
        let text = Text::of("  one two three four five");
        assert_eq!(
            text.wrapped(12).to_string(),
            "  one two\n      three\n      four\n      five"
        );
        assert_eq!(text.wrapped(80), text);
        let unbroken = Text::of("a-name-that-is-longer-than-the-line and more");
        assert_eq!(
            unbroken.wrapped(20).to_string(),
            "a-name-that-is-longer-than-the-line\n    and more"
        );
        let columns = Text::of("id                                       x");
        assert_eq!(columns.wrapped(20).to_string(), "id\n    x");
    }
}
