//! What commands print: pure functions from types of the API to text, one file per noun.
//!
//! In: what the API answered. Out: a [`Text`] with instants in UTC. Touches: nothing. Never: the terminal; `crate::out` writes.

pub mod acts;
pub mod budget;
pub mod emergency;
pub mod errors;
pub mod event;
pub mod host;
pub mod import;
pub mod incident;
pub mod job;
pub mod job_lines;
pub mod log;
pub mod pacing;
pub mod policy;
pub mod provider;
pub mod renewal;
pub mod run;
pub mod standing;
mod text;

#[cfg(test)]
pub mod samples;
#[cfg(test)]
mod snapshots;

use std::fmt::Display;

use domain::Hostname;

pub use text::{Text, one_line, shown};

/// A line for each item.
pub fn list<T>(items: &[T], line: impl Fn(&T) -> String) -> Text {
    let mut text = Text::default();
    items.iter().for_each(|item| text.line(line(item)));
    text
}

/// What was added to the hosts or policies.
pub fn added(name: &Hostname) -> Text {
    Text::of(format!("added {}", hostname(name)))
}

/// Text that keeps its lines.
pub fn verbatim(text: &str) -> Text {
    let mut shown = Text::default();
    shown.block("", text);
    shown
}

/// A value, or a dash where there is none.
fn or_dash(value: Option<impl Display>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| value.to_string())
}

/// A text, or a dash where it is empty.
fn text_or_dash(text: &str) -> &str {
    if text.is_empty() { "–" } else { text }
}

/// A hostname, with an international one also as it is written.
pub fn hostname(name: &Hostname) -> String {
    match name.unicode() {
        Some(written) => format!("{name} ({written})"),
        None => name.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_international_name_is_shown_in_both_forms() {
        let shown = |name: &str| hostname(&name.parse().expect("a hostname"));
        assert_eq!(shown("xn--mller-kva.example"), "xn--mller-kva.example (müller.example)");
        assert_eq!(shown("www.example.org"), "www.example.org");
    }
}
