//! Where the pages lead.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::{ROOTS, collect};

/// Links of the pages to files that are not there.
pub(super) fn violations(root: &Path) -> Result<Vec<String>> {
    let mut pages = vec![root.join("README.md"), root.join("migrations/README.md")];
    for part in ROOTS.iter().chain(&["deploy"]) {
        collect(&root.join(part), "md", &mut pages)?;
    }
    let mut broken = Vec::new();
    for page in pages {
        let text = fs::read_to_string(&page)?;
        let beside = page.parent().unwrap_or(root);
        let shown = page.strip_prefix(root).unwrap_or(&page).display();
        let dead = linked_files(&text).filter(|file| !beside.join(file).exists());
        broken.extend(dead.map(|file| format!("{shown}: it links to {file}, which is not there")));
    }
    Ok(broken)
}

/// What a page links to beside itself: neither a place in the page nor one on the web.
fn linked_files(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files = targets.filter_map(|target| target.split('#').next());
    files.filter(|file| !file.is_empty() && !file.contains("://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_a_file_is_found_and_others_are_left_alone() {
        let page = "[a](a.md#top), [top](#top), [web](https://example.org/a.md) and [b](../b.rs).";
        assert_eq!(linked_files(page).collect::<Vec<_>>(), ["a.md", "../b.rs"]);
    }

    #[test]
    fn a_page_that_links_to_nothing_is_named() -> Result<()> {
        let root = tempfile::tempdir()?;
        for part in ROOTS.iter().chain(&["deploy", "migrations"]) {
            fs::create_dir(root.path().join(part))?;
        }
        fs::write(root.path().join("migrations/README.md"), "[up](../README.md)")?;
        fs::write(root.path().join("README.md"), "[down](migrations/README.md)")?;
        assert_eq!(violations(root.path())?, Vec::<String>::new());
        fs::write(root.path().join("deploy/README.md"), "[gone](gone.md)")?;
        assert_eq!(
            violations(root.path())?,
            ["deploy/README.md: it links to gone.md, which is not there"]
        );
        Ok(())
    }
}
