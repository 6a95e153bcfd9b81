//! What the compiler does not say about the sources: how long a file is, what a function is given, who imports whom, and
//! where pages lead.
//!
//! In: the sources and pages of the workspace, its migrations. Out: nothing, or every place that breaks a rule, with the
//! rule. Never: looks at what a macro makes.

mod imports;
mod pages;
mod parameters;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use self::imports::Source;
use crate::includes;
use crate::rules::workspace_root;

/// What is longer is several things.
const LONGEST_FILE: usize = 400;
const ROOTS: [&str; 3] = ["shared", "services", "integration"];

/// # Errors
/// Names every place that breaks a rule.
pub fn run() -> Result<()> {
    let root = workspace_root();
    let mut broken: Vec<String> = misnumbered(names_in(&root.join("migrations"))?).into_iter().collect();
    let mut files = Vec::new();
    for part in ROOTS {
        collect(&root.join(part), "rs", &mut files)?;
    }
    let mut crates: BTreeMap<PathBuf, Vec<Source>> = BTreeMap::new();
    for path in files {
        let text = fs::read_to_string(&path)?;
        broken.extend(includes::violations(root, &path, &text));
        let shown = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        let parsed = syn::parse_file(&text).with_context(|| shown.clone())?;
        broken.extend(too_long(&shown, &text));
        broken.extend(answers_json(&shown, &text));
        broken.extend(parameters::violations(&shown, &parsed));
        if let Some(of) = imports::source_root(&path) {
            crates.entry(of).or_default().push(Source::of(&path, &parsed));
        }
    }
    for (of, sources) in &crates {
        broken.extend(imports::violations(root, of, sources));
    }
    broken.extend(pages::violations(root)?);
    if !broken.is_empty() {
        bail!(
            "{} place(s) against the rules:\n  {}",
            broken.len(),
            broken.join("\n  ")
        );
    }
    Ok(())
}

fn collect(directory: &Path, kind: &str, into: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(directory).with_context(|| directory.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "target") {
                collect(&path, kind, into)?;
            }
        } else if path.extension().is_some_and(|extension| extension == kind) {
            into.push(path);
        }
    }
    Ok(())
}

fn names_in(directory: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    Ok(names)
}

/// Migrations are numbered from 1 on, without gaps.
fn misnumbered(mut names: Vec<String>) -> Option<String> {
    names.retain(|name| name.ends_with(".sql"));
    names.sort();
    let mut numbered = names.iter().zip(1..);
    let (name, nr) = numbered.find(|(name, nr)| !name.starts_with(&format!("{nr:04}_")))?;
    Some(format!("migrations/{name}: the next number is {nr:04}"))
}

/// Stories assert on fields of the API's types: their client has no method that answers JSON.
fn answers_json(shown: &str, text: &str) -> Option<String> {
    let is_client = shown.starts_with("integration/src/api/");
    let names_json = text
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .any(|word| word == "Value");
    (is_client && names_json).then(|| format!("{shown}: the client of the stories answers types of `api`, never JSON"))
}

fn too_long(shown: &str, text: &str) -> Option<String> {
    let lines = text.lines().count();
    (lines > LONGEST_FILE).then(|| {
        format!("{shown}: {lines} lines; more than {LONGEST_FILE} are several things, each with a file of its own")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn migrations(names: &[&str]) -> Option<String> {
        misnumbered(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn a_gap_between_migrations_is_named_with_the_number_that_was_due() {
        assert_eq!(migrations(&["0001_a.sql", "README.md", "0002_b.sql"]), None);
        let gap = migrations(&["0003_c.sql", "0001_a.sql"]).expect("a gap");
        assert_eq!(gap, "migrations/0003_c.sql: the next number is 0002");
        assert!(migrations(&["0001_a.sql", "0001_b.sql"]).is_some(), "a number twice");
    }

    #[test]
    fn a_file_may_be_as_long_as_the_limit_and_no_longer() {
        let text = "x\n".repeat(LONGEST_FILE);
        assert_eq!(too_long("a.rs", &text), None);
        let longer = too_long("a.rs", &(text + "x\n")).expect("too long");
        assert!(longer.starts_with("a.rs: 401 lines"), "{longer}");
    }

    #[test]
    fn the_workspace_keeps_its_own_rules() -> Result<()> {
        run()
    }

    #[test]
    fn the_client_of_the_stories_names_no_json() {
        let get = "async fn get(&self, path: &str) -> Result<Value>";
        assert!(answers_json("integration/src/api/reads.rs", get).is_some());
        assert!(answers_json("integration/src/api/reads.rs", "fn host() -> HostDetail").is_none());
        assert!(answers_json("integration/src/estate.rs", get).is_none());
    }
}
