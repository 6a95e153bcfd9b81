//! The error catalogue: what every stable code means, what the system did, what you can do.
//!
//! In: `pages/<service>.md`, built in. Out: one [`Explanation`] per code. Touches: nothing. Never: knows where or how an
//! explanation is shown.
//!
//! A section begins with `## CODE: title` and has three parts, each opened by its words in bold.

use std::sync::LazyLock;

use serde::Serialize;

const PAGES: [&str; 8] = [
    include_str!("../pages/bus.md"),
    include_str!("../pages/console.md"),
    include_str!("../pages/deployer.md"),
    include_str!("../pages/incident.md"),
    include_str!("../pages/issuer.md"),
    include_str!("../pages/key-signer.md"),
    include_str!("../pages/planner.md"),
    include_str!("../pages/verifier.md"),
];

const MEANING: &str = "**What it means.**";
const DEED: &str = "**What the system did.**";
const REMEDY: &str = "**What you can do.**";

/// What is known of one code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    pub code: &'static str,
    /// In brackets what becomes of the step, or the status of the answer.
    pub title: &'static str,
    pub what_it_means: String,
    pub what_the_system_did: String,
    pub what_you_can_do: String,
}

/// Every explanation, by code.
pub fn all() -> &'static [Explanation] {
    static ALL: LazyLock<Vec<Explanation>> = LazyLock::new(|| {
        let sections = PAGES.into_iter().flat_map(sections);
        let mut all: Vec<Explanation> = sections.filter_map(read_section).collect();
        all.sort_by_key(|explanation| explanation.code);
        all
    });
    &ALL
}

/// The explanation of a code; capitals and spaces around it do not matter.
pub fn find(code: &str) -> Option<&'static Explanation> {
    all().iter().find(|one| one.code.eq_ignore_ascii_case(code.trim()))
}

impl Explanation {
    /// As Markdown, with the code and the title as its heading.
    pub fn markdown(&self) -> String {
        format!(
            "# {}: {}\n\n{MEANING} {}\n\n{DEED} {}\n\n{REMEDY} {}\n",
            self.code, self.title, self.what_it_means, self.what_the_system_did, self.what_you_can_do
        )
    }
}

/// Each section with its heading as the first line, without the marks.
fn sections(page: &'static str) -> impl Iterator<Item = &'static str> {
    page.split("\n## ").skip(1)
}

/// `None` when a part is missing; a test makes sure that none is.
fn read_section(section: &'static str) -> Option<Explanation> {
    let (heading, body) = section.split_once('\n')?;
    let (code, title) = heading.split_once(' ')?;
    let (_, rest) = body.split_once(MEANING)?;
    let (meaning, rest) = rest.split_once(DEED)?;
    let (deed, remedy) = rest.split_once(REMEDY)?;
    Some(Explanation {
        code: code.trim_end_matches(':'),
        title: title.trim(),
        what_it_means: flowing(meaning),
        what_the_system_did: flowing(deed),
        what_you_can_do: flowing(remedy),
    })
}

/// The lines of a paragraph as one; paragraphs stay apart.
fn flowing(text: &str) -> String {
    let paragraphs = text
        .split("\n\n")
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "));
    paragraphs
        .filter(|paragraph| !paragraph.is_empty())
        .collect::<Vec<_>>()
        .join("\n\n")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use super::*;

    /// What codes begin with: one family per service, and one of the bus.
    const FAMILIES: [&str; 8] = ["BUS-", "RUN-", "KEY-", "ISS-", "DEP-", "VER-", "INC-", "API-"];

    fn workspace() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(directory).expect("a directory").flatten() {
            let path = entry.path();
            if path.is_dir() && !path.ends_with("tests") {
                sources(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("tests.rs") {
                found.push(path);
            }
        }
    }

    /// The codes in the text outside of its tests.
    fn codes(text: &str) -> BTreeSet<String> {
        let product = text.split("#[cfg(test)]").next().unwrap_or_default();
        let starts = FAMILIES.into_iter().flat_map(|family| product.match_indices(family));
        let codes = starts.filter_map(|(at, family)| {
            let number = product.get(at + family.len()..at + family.len() + 4)?;
            number
                .bytes()
                .all(|byte| byte.is_ascii_digit())
                .then(|| format!("{family}{number}"))
        });
        codes.collect()
    }

    /// The crates whose sources name codes; the command line only shows what it is told.
    fn in_sources() -> BTreeSet<String> {
        let mut files = Vec::new();
        for part in ["services", "shared"] {
            let crates = std::fs::read_dir(workspace().join(part)).expect("the crates").flatten();
            for source in crates.map(|found| found.path()) {
                let names_none = ["vigilo", "cli", "codes", "testkit"];
                if !names_none.iter().any(|name| source.ends_with(name)) && source.join("src").is_dir() {
                    sources(&source.join("src"), &mut files);
                }
            }
        }
        let texts = files
            .iter()
            .map(|file| std::fs::read_to_string(file).expect("a source"));
        texts.flat_map(|text| codes(&text)).collect()
    }

    #[test]
    fn every_section_of_every_page_has_three_parts() {
        for section in PAGES.into_iter().flat_map(sections) {
            let found = read_section(section).unwrap_or_else(|| panic!("a part is missing in: {section}"));
            let parts = [&found.what_it_means, &found.what_the_system_did, &found.what_you_can_do];
            assert!(parts.iter().all(|part| part.len() > 10), "a part is empty: {found:?}");
        }
    }

    #[test]
    fn every_page_is_built_in() {
        let pages = std::fs::read_dir(workspace().join("shared/codes/pages")).expect("the pages");
        assert_eq!(pages.count(), PAGES.len());
    }

    #[test]
    fn every_code_of_the_sources_is_explained_and_every_explained_code_is_used() {
        let explained: BTreeSet<String> = all().iter().map(|one| one.code.to_owned()).collect();
        assert_eq!(explained.len(), all().len(), "a code is explained twice");
        let (sources, none) = (in_sources(), BTreeSet::new());
        assert!(sources.len() > 40, "the sources were not found");
        let missing: BTreeSet<String> = sources.difference(&explained).cloned().collect();
        assert_eq!(missing, none, "not explained");
        let unused: BTreeSet<String> = explained.difference(&sources).cloned().collect();
        assert_eq!(unused, none, "nothing uses it");
    }

    #[test]
    fn a_code_is_found_however_it_is_typed() {
        assert_eq!(find(" iss-0007 ").map(|found| found.code), Some("ISS-0007"));
        assert_eq!(find("ISS-9999"), None);
    }
}
