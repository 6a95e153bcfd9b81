//! What the API refuses, in the words of who typed it: a field by its flag.

use api::errors::Problem;
use domain::Invalid;

use crate::flags::flag;
use crate::print::one_line;

/// Every field with what was wrong and what is right, a line each; of a problem without fields what it says.
pub fn text(problem: &Problem) -> String {
    if problem.errors.is_empty() {
        return one_line(&problem.detail);
    }
    let lines: Vec<String> = problem.errors.iter().map(|one| one_line(&typed(one))).collect();
    lines.join("\n")
}

/// A refusal of what was typed: the field by its flag.
fn typed(one: &Invalid) -> String {
    let field = flag(&one.field).unwrap_or_else(|| one.field.clone());
    let (problem, remedy) = (one.problem.clone(), one.remedy.clone());
    Invalid { field, problem, remedy }.to_string()
}
