//! Who imports whom inside a crate.
//!
//! In: the files of a crate. Out: groups of files that import each other. A name that a module re-exports counts for the file that
//! defines it, so a circle is seen through `pub use` and none is made by it. What a module takes from one that it is part of is no
//! circle: a parent is made of its children. Never: looks at what a macro makes.

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
    /// Paths as they are written, tests apart.
    imports: BTreeSet<Vec<String>>,
    /// Names that it makes its own for others, each with the path behind it; `*` for all of a path.
    exports: Vec<(String, Vec<String>)>,
}

impl Source {
    pub(super) fn of(path: &Path, parsed: &syn::File) -> Self {
        let mut look = Look::default();
        look.visit_file(parsed);
        Self {
            path: path.to_owned(),
            imports: look.imports,
            exports: look.exports,
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
    exports: Vec<(String, Vec<String>)>,
    /// The names of a `use` are for others.
    exporting: bool,
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
            syn::UseTree::Name(name) => self.keep(before, &name.ident, &name.ident.to_string()),
            syn::UseTree::Rename(name) => self.keep(before, &name.ident, &name.rename.to_string()),
            syn::UseTree::Glob(_) => self.keep(before, &"*", "*"),
        }
    }

    fn keep(&mut self, before: &[String], last: &dyn ToString, known_as: &str) {
        let path: Vec<String> = before.iter().cloned().chain([last.to_string()]).collect();
        if self.exporting {
            self.exports.push((known_as.to_owned(), path));
        } else {
            self.imports.insert(path);
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
        self.exporting = !matches!(item.vis, syn::Visibility::Inherited);
        self.import(&item.tree, &mut Vec::new());
        self.exporting = false;
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if names.len() > 1 {
            self.imports.insert(names);
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

/// The files of a crate by their place in its tree of modules.
struct Tree<'a> {
    sources: &'a [Source],
    places: BTreeMap<Vec<String>, usize>,
    modules: Vec<Vec<String>>,
}

/// A name that is re-exported more often than this is followed no further.
const STEPS: usize = 8;

impl<'a> Tree<'a> {
    fn of(root: &Path, sources: &'a [Source]) -> Self {
        let modules: Vec<Vec<String>> = sources.iter().map(|one| one.module(root)).collect();
        Self {
            sources,
            places: modules.iter().cloned().zip(0..).collect(),
            modules,
        }
    }

    /// The files that this one imports, those that it is part of apart.
    fn edges(&self, at: usize) -> BTreeSet<usize> {
        let (Some(source), Some(here)) = (self.sources.get(at), self.modules.get(at)) else {
            return BTreeSet::new();
        };
        let wanted = source.imports.iter().filter_map(|import| self.absolute(here, import));
        let found = wanted.filter_map(|path| self.defined_in(&path, STEPS));
        let is_above = |other: &usize| self.modules.get(*other).is_some_and(|above| here.starts_with(above));
        found.filter(|other| !is_above(other)).collect()
    }

    /// A path as names below `crate`; nothing for one that leads out of the crate.
    fn absolute(&self, here: &[String], path: &[String]) -> Option<Vec<String>> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some([here, rest].concat()),
            "super" => {
                let ups = path.iter().take_while(|name| *name == "super").count();
                let above = here.get(..here.len().saturating_sub(ups))?;
                Some([above, path.get(ups..)?].concat())
            }
            child => {
                let below = [here, &[child.to_owned()]].concat();
                self.places.contains_key(&below).then(|| [here, path].concat())
            }
        }
    }

    /// The file that defines what is at the end of a path.
    fn defined_in(&self, path: &[String], steps: usize) -> Option<usize> {
        // The longest part of the path that is a file; the rest are items in it.
        let (length, at) = (0..=path.len())
            .rev()
            .find_map(|length| Some((length, *self.places.get(path.get(..length)?)?)))?;
        let Some(name) = path.get(length).filter(|_| steps > 0) else {
            return Some(at);
        };
        let (source, here) = (self.sources.get(at)?, self.modules.get(at)?);
        let behind = source.exports.iter().find(|(known_as, _)| known_as == name);
        let further = behind.and_then(|(_, path)| self.absolute(here, path));
        further.map_or(Some(at), |path| self.defined_in(&path, steps - 1))
    }
}

/// Groups of files of which each imports the next, and the last the first.
fn circles(of: &Path, sources: &[Source]) -> Vec<Vec<PathBuf>> {
    let tree = Tree::of(of, sources);
    let edges: Vec<BTreeSet<usize>> = (0..sources.len()).map(|at| tree.edges(at)).collect();
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
    fn a_circle_is_seen_through_what_a_module_re_exports() {
        let files = [
            ("a.rs", "use crate::b::X;"),
            (
                "b/mod.rs",
                "mod x; mod y; pub use self::x::X; pub(crate) use y::Y as Z;",
            ),
            ("b/x.rs", "use crate::a::A;"),
            ("b/y.rs", "struct Y;"),
        ];
        assert_eq!(
            broken(&files),
            ["shared/a/src/a.rs, shared/a/src/b/x.rs: these import each other"]
        );
        let renamed = [("a.rs", "use crate::b::Z;"), files[1], files[2], files[3]];
        assert_eq!(broken(&renamed), Vec::<String>::new(), "it is of another file");
    }

    #[test]
    fn a_module_and_its_parts_are_no_circle_but_parts_that_need_each_other_are() {
        let parent = ("b/mod.rs", "mod x; mod y; use self::x::X; fn f() { y::f() } struct B;");
        let files = [
            parent,
            ("b/x.rs", "use super::B;"),
            ("b/y.rs", "fn f(b: crate::b::B) {}"),
        ];
        assert_eq!(broken(&files), Vec::<String>::new());
        let crossed = [parent, ("b/x.rs", "use super::y::Y;"), ("b/y.rs", "use super::x::X;")];
        assert_eq!(broken(&crossed).len(), 1);
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
