//! What became of an import.

use domain::{Invalid, counted};
use serde::Serialize;

use super::{Text, or_dash};

/// What became of a file.
#[derive(Debug, Default, Serialize)]
pub struct ImportedFile {
    pub created: usize,
    pub refused: Vec<RefusedLine>,
}

/// An item of the file that was not taken.
#[derive(Debug, Serialize)]
pub struct RefusedLine {
    /// The item's place in the file, from 0.
    pub index: usize,
    /// The line of the file where it begins.
    pub line: Option<usize>,
    pub hostname: Option<String>,
    pub problem: Invalid,
}

/// `noun`: what one line of the file lists.
pub fn imported(noun: &str, file: &ImportedFile) -> Text {
    let added = counted(file.created, noun);
    Text::of(format!("{added} added, {} refused", file.refused.len()))
}

pub fn refused(file: &ImportedFile) -> Text {
    super::list(&file.refused, |one| {
        format!(
            "  line {} ({}): {}",
            or_dash(one.line),
            or_dash(one.hostname.as_ref()),
            one.problem
        )
    })
}
