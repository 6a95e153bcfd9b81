//! The one way to the terminal: everything that is printed goes through here.
//!
//! In: a [`Text`], or what the API answered. Out: lines on stdout or stderr with instants in the reader's own zone, wrapped
//! where a terminal says how wide it is; or JSON, as programs read it. Never: a character that a terminal obeys.

use std::io::Write;
use std::sync::LazyLock;

use domain::zone::Zone;
use jiff::tz::TimeZone;
use serde::Serialize;
use terminal::Term;

use crate::print::{Text, shown};

static OWN: LazyLock<Zone> = LazyLock::new(|| {
    let own = TimeZone::system();
    Zone::from(if own.is_unknown() { TimeZone::UTC } else { own })
});

/// Writes a text to stdout. A reader that closes the pipe (`vigilo runs | head`) ends the printing, nothing else.
pub fn put(text: &Text) {
    write(std::io::stdout(), text, columns(&Term::stdout()));
}

/// Writes one line to stdout.
pub fn line(line: impl AsRef<str>) {
    put(&Text::of(line));
}

/// Writes beside the answer: refusals, warnings, progress.
pub fn aside(text: &Text) {
    write(std::io::stderr(), text, columns(&Term::stderr()));
}

/// Writes one line beside the answer.
pub fn aside_line(line: impl AsRef<str>) {
    aside(&Text::of(line));
}

/// Writes JSON to stdout, with instants as the API wrote them.
pub fn json(value: &(impl Serialize + ?Sized)) {
    // What the API answered is JSON: it can be written again.
    let text = serde_json::to_string(value).unwrap_or_default();
    let _ = writeln!(std::io::stdout(), "{}", shown(&text));
}

/// Writes an answer, as JSON where that was asked for.
pub fn answer<T: Serialize + ?Sized>(json_wanted: bool, answer: &T, text: impl FnOnce(&T) -> Text) {
    if json_wanted {
        json(answer);
    } else {
        put(&text(answer));
    }
}

/// Says something beside a list of which nothing printed would leave open whether it worked.
pub fn nothing_yet<T>(json_wanted: bool, items: &[T], said: &str) {
    if items.is_empty() && !json_wanted {
        aside_line(said);
    }
}

/// A line of a progress bar, as it is printed.
pub fn shown_line(line: &str) -> String {
    OWN.tell(&Text::of(line).to_string())
}

fn columns(terminal: &Term) -> Option<usize> {
    terminal.size_checked().map(|(_rows, columns)| usize::from(columns))
}

/// Closing the pipe is the reader's good right.
fn write(mut to: impl Write, text: &Text, columns: Option<usize>) {
    let told = Text::lines(text).fold(Text::default(), |mut told, line| {
        told.line(OWN.tell(line));
        told
    });
    let told = match columns {
        Some(width) => told.wrapped(width),
        None => told,
    };
    for line in told.lines() {
        if writeln!(to, "{line}").is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_wrapped_only_where_a_terminal_says_how_wide_it_is() {
        let text = Text::of("one two three \u{1b}[2J");
        let written = |columns| {
            let mut bytes = Vec::new();
            write(&mut bytes, &text, columns);
            String::from_utf8(bytes).expect("UTF-8")
        };
        assert_eq!(written(None), "one two three \\u001b[2J\n");
        assert_eq!(written(Some(14)), "one two three\n    \\u001b[2J\n");
    }
}
