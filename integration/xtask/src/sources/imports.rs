//! Who imports whom inside a crate.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};

/// The `src` directory that a file belongs to; files of tests have none.
pub(super) fn source_root(path: &Path) -> Option<PathBuf> {
    path.ancestors()
        .find(|above| above.ends_with("src") && above.parent().is_some_and(|of| of.join("Cargo.toml").exists()))
        .map(Path::to_path_buf)
}

/// The imports of one file.
pub(super) struct Source {
    path: PathBuf,
    /// Paths below `crate` or `super`, tests apart.
    imports: BTreeSet<Vec<String>>,
}

impl Source {
    pub(super) fn of(path: &Path, parsed: &syn::File) -> Self {
        let mut look = Look::default();
        look.visit_file(parsed);
        Self {
            path: path.to_owned(),
            imports: look.imports,
        }
    }

    /// Its place in the tree of modules, as names below `crate`.
    fn module(&self, of: &Path) -> Vec<String> {
        let inner = self.path.strip_prefix(of).unwrap_or(&self.path).with_extension("");
        let mut names: Vec<String> = inner.iter().map(|name| name.to_string_lossy().into_owned()).collect();
        if names
            .last()
            .is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str()))
        {
            names.pop();
        }
        names
    }
}

#[derive(Default)]
struct Look {
    imports: BTreeSet<Vec<String>>,
}

impl Look {
    fn import(&mut self, tree: &syn::UseTree, before: &mut Vec<String>) {
        match tree {
            syn::UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.import(&path.tree, before);
                before.pop();
            }
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(tree, before)),
            syn::UseTree::Name(name) => self.keep(before, &name.ident.to_string()),
            syn::UseTree::Rename(name) => self.keep(before, &name.ident.to_string()),
            syn::UseTree::Glob(_) => self.keep(before, "*"),
        }
    }

    fn keep(&mut self, before: &[String], last: &str) {
        if before.first().is_some_and(|first| first == "crate" || first == "super") {
            self.imports
                .insert(before.iter().cloned().chain([last.to_owned()]).collect());
        }
    }
}

fn is_of_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<syn::Ident>()
                .is_ok_and(|condition| condition == "test")
    })
}

impl<'ast> Visit<'ast> for Look {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_of_tests(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.import(&item.tree, &mut Vec::new());
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if let Some((last, before)) = names.split_last() {
            self.keep(before, last);
        }
        visit::visit_path(self, path);
    }
}

/// One line for each group of files of a crate that import each other.
pub(super) fn violations(root: &Path, of: &Path, sources: &[Source]) -> Vec<String> {
    let shown = |file: &PathBuf| file.strip_prefix(root).unwrap_or(file).display().to_string();
    let groups = circles(of, sources).into_iter();
    groups
        .map(|files| {
            let names: Vec<String> = files.iter().map(shown).collect();
            format!("{}: these import each other", names.join(", "))
        })
        .collect()
}

/// Groups of files of which each imports the next, and the last the first.
fn circles(of: &Path, sources: &[Source]) -> Vec<Vec<PathBuf>> {
    let places: BTreeMap<Vec<String>, usize> = sources.iter().map(|one| one.module(of)).zip(0..).collect();
    let edges: Vec<BTreeSet<usize>> = sources
        .iter()
        .enumerate()
        .map(|(at, source)| {
            let here = source.module(of);
            let found = source.imports.iter().filter_map(|import| {
                let wanted = absolute(&here, import);
                // The longest part of the path that is a file; the rest are items in it.
                (0..=wanted.len())
                    .rev()
                    .find_map(|length| places.get(wanted.get(..length)?))
                    .copied()
            });
            found.filter(|other| *other != at).collect()
        })
        .collect();
    let reach: Vec<BTreeSet<usize>> = (0..edges.len()).map(|from| reachable(from, &edges)).collect();
    let mut seen = BTreeSet::new();
    let mut circles = Vec::new();
    for (from, reached) in reach.iter().enumerate() {
        if reached.contains(&from) && seen.insert(from) {
            let with: Vec<usize> = reached
                .iter()
                .copied()
                .filter(|other| reach.get(*other).is_some_and(|back| back.contains(&from)))
                .collect();
            seen.extend(&with);
            circles.push(
                with.iter()
                    .filter_map(|at| Some(sources.get(*at)?.path.clone()))
                    .collect(),
            );
        }
    }
    circles
}

fn absolute(here: &[String], import: &[String]) -> Vec<String> {
    let ups = import.iter().take_while(|name| *name == "super").count();
    if ups == 0 {
        return import.iter().skip(1).cloned().collect();
    }
    let above = here.len().saturating_sub(ups);
    here.iter()
        .take(above)
        .chain(import.iter().skip(ups))
        .cloned()
        .collect()
}

fn reachable(from: usize, edges: &[BTreeSet<usize>]) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<usize> = edges.get(from).into_iter().flatten().copied().collect();
    while let Some(at) = next.pop() {
        if reached.insert(at) {
            next.extend(edges.get(at).into_iter().flatten());
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(files: &[(&str, &str)]) -> Vec<String> {
        let (root, of) = (Path::new("/w"), Path::new("/w/shared/a/src"));
        let sources: Vec<Source> = files
            .iter()
            .map(|(file, text)| Source::of(&of.join(file), &syn::parse_file(text).expect("Rust")))
            .collect();
        violations(root, of, &sources)
    }

    #[test]
    fn files_that_import_each_other_are_named_together() {
        let two = [("a.rs", "use crate::b::B;"), ("b/mod.rs", "fn f(a: super::a::A) {}")];
        assert_eq!(
            broken(&two),
            ["shared/a/src/a.rs, shared/a/src/b/mod.rs: these import each other"]
        );
        let three = [
            ("a.rs", "use crate::b::*;"),
            ("b.rs", "use super::c::{self, C};"),
            ("c.rs", "use crate::a;"),
        ];
        assert_eq!(broken(&three).len(), 1);
    }

    #[test]
    fn imports_in_one_direction_pass_and_tests_are_no_part_of_a_circle() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::B; use std::fmt;"),
            ("b.rs", "#[cfg(test)] mod tests { use crate::a::A; }"),
        ];
        assert_eq!(broken(&files), Vec::<String>::new());
    }
}
