//! What became of what a person did to runs.

use api::acts::ToldMany;
use domain::counted;
use protocol::request::{AmendedRun, Amendment};

use super::Text;

pub fn done(verb: &str, told: &AmendedRun) -> Text {
    let mut text = Text::of(format!("{verb}: run {}", told.run_id));
    for said in amendment(&told.amendment) {
        text.line(format!("  {said}"));
    }
    text
}

pub fn resolved(told: &AmendedRun) -> Text {
    Text::of(format!("resolve: run {} goes on with this certificate", told.run_id))
}

/// The refused ones are not in it.
pub fn many(verb: &str, told: &ToldMany) -> Text {
    let mut text = Text::of(format!(
        "{verb}: {}, {} refused",
        counted(told.done.len(), "run"),
        told.refused.len()
    ));
    for one in &told.amended {
        for said in amendment(&one.amendment) {
            text.line(format!("  {}: {said}", one.run_id));
        }
    }
    text
}

/// The runs that were refused, and why.
pub fn refused(told: &ToldMany) -> Text {
    super::list(&told.refused, |one| format!("refused {}: {}", one.run_id, one.reason))
}

/// A line for each part of the plan that is otherwise now.
fn amendment(amendment: &Amendment) -> Vec<String> {
    let changed = amendment
        .changed
        .iter()
        .map(|one| format!("taken from today's policy: {one}"));
    let not_taken = (!amendment.not_taken.is_empty()).then(|| {
        format!(
            "not taken, because it needs a new certificate: {}; the next run has it (vigilo renew)",
            amendment.not_taken.join(", ")
        )
    });
    changed.chain(not_taken).collect()
}
