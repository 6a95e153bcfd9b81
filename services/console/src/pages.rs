//! What every error code means, what the system did, what you can do: the pages `services/*/ERRORS.md`, built in.
//!
//! A page begins with `## CODE: title` (or `## CODE title`) and has three parts, each opened by its words in bold.

use std::sync::LazyLock;

use serde::Serialize;

const BOOKS: [&str; 7] = [
    include_str!("../../planner/ERRORS.md"),
    include_str!("../../key-signer/ERRORS.md"),
    include_str!("../../issuer/ERRORS.md"),
    include_str!("../../deployer/ERRORS.md"),
    include_str!("../../verifier/ERRORS.md"),
    include_str!("../../incident/ERRORS.md"),
    include_str!("../ERRORS.md"),
];

const MEANING: &str = "**What it means.**";
const DEED: &str = "**What the system did.**";
const REMEDY: &str = "**What you can do.**";

/// One code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Page {
    pub code: &'static str,
    /// In brackets what becomes of the step, or the status of the answer.
    pub title: &'static str,
    pub what_it_means: String,
    pub what_the_system_did: String,
    pub what_you_can_do: String,
}

/// Every page, by code.
pub fn all() -> &'static [Page] {
    static ALL: LazyLock<Vec<Page>> = LazyLock::new(|| {
        let mut pages: Vec<Page> = BOOKS.into_iter().flat_map(sections).filter_map(page).collect();
        pages.sort_by_key(|page| page.code);
        pages
    });
    &ALL
}

/// Where the API explains a code; nobody needs a token there.
pub fn path(code: &str) -> String {
    format!("/api/v1/errors/{code}")
}

pub fn find(code: &str) -> Option<&'static Page> {
    all().iter().find(|page| page.code.eq_ignore_ascii_case(code.trim()))
}

impl Page {
    pub fn markdown(&self) -> String {
        format!(
            "# {}: {}\n\n{MEANING} {}\n\n{DEED} {}\n\n{REMEDY} {}\n",
            self.code, self.title, self.what_it_means, self.what_the_system_did, self.what_you_can_do
        )
    }

    pub fn html(&self) -> String {
        let part = |heading: &str, text: &str| format!("<h2>{heading}</h2>\n<p>{}</p>\n", escaped(text));
        format!(
            "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>{code}</title>\n\
             <body style=\"max-width:45em;margin:2em auto;font-family:sans-serif;line-height:1.5\">\n\
             <h1>{code}: {title}</h1>\n{meaning}{deed}{remedy}<p><a href=\"/api/v1/errors\">all codes</a></p></body></html>\n",
            code = self.code,
            title = escaped(self.title),
            meaning = part("What it means", &self.what_it_means),
            deed = part("What the system did", &self.what_the_system_did),
            remedy = part("What you can do", &self.what_you_can_do),
        )
    }
}

pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// Each with its heading as the first line, without the marks.
fn sections(book: &'static str) -> impl Iterator<Item = &'static str> {
    book.split("\n## ").skip(1)
}

/// Nothing when a part is missing; a test sees to it that none is.
fn page(section: &'static str) -> Option<Page> {
    let (heading, body) = section.split_once('\n')?;
    let (code, title) = heading.split_once(' ')?;
    let (_, rest) = body.split_once(MEANING)?;
    let (meaning, rest) = rest.split_once(DEED)?;
    let (deed, remedy) = rest.split_once(REMEDY)?;
    Some(Page {
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

    /// What codes begin with, one per service.
    const FAMILIES: [&str; 7] = ["RUN-", "KEY-", "ISS-", "DEP-", "VER-", "INC-", "API-"];

    fn services() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
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

    fn in_sources() -> BTreeSet<String> {
        let mut files = Vec::new();
        for service in std::fs::read_dir(services()).expect("the services").flatten() {
            let source = service.path().join("src");
            if source.is_dir() && !service.path().ends_with("vigilo") {
                sources(&source, &mut files);
            }
        }
        sources(&services().join("../shared/domain/src"), &mut files);
        sources(&services().join("../shared/store/src"), &mut files);
        let texts = files
            .iter()
            .map(|file| std::fs::read_to_string(file).expect("a source"));
        texts.flat_map(|text| codes(&text)).collect()
    }

    #[test]
    fn every_section_of_every_book_is_a_page_with_three_parts() {
        for section in BOOKS.into_iter().flat_map(sections) {
            let page = page(section).unwrap_or_else(|| panic!("a part is missing in: {section}"));
            let parts = [&page.what_it_means, &page.what_the_system_did, &page.what_you_can_do];
            assert!(parts.iter().all(|part| part.len() > 10), "a part is empty: {page:?}");
        }
    }

    #[test]
    fn every_service_that_has_a_book_is_served() {
        let directories = std::fs::read_dir(services()).expect("the services").flatten();
        let books = directories.filter(|service| service.path().join("ERRORS.md").is_file());
        assert_eq!(books.count(), BOOKS.len());
    }

    #[test]
    fn every_code_of_the_sources_has_a_page_and_every_page_its_code() {
        let pages: BTreeSet<String> = all().iter().map(|page| page.code.to_owned()).collect();
        assert_eq!(pages.len(), all().len(), "a code has two pages");
        let (sources, none) = (in_sources(), BTreeSet::new());
        assert!(sources.len() > 40, "the sources were not found");
        assert_eq!(
            sources.difference(&pages).cloned().collect::<BTreeSet<_>>(),
            none,
            "without a page"
        );
        assert_eq!(
            pages.difference(&sources).cloned().collect::<BTreeSet<_>>(),
            none,
            "nobody says it"
        );
    }

    #[test]
    fn a_page_is_found_however_it_is_typed_and_html_is_escaped() {
        assert_eq!(find(" iss-0007 ").map(|page| page.code), Some("ISS-0007"));
        assert_eq!(find("ISS-9999"), None);
        assert_eq!(escaped("a<b> & \"c\""), "a&lt;b&gt; &amp; &quot;c&quot;");
        let html = find("DEP-0007").map(Page::html).unwrap_or_default();
        assert!(html.contains("&lt;file&gt;") && !html.contains("<file>"), "{html}");
    }
}
