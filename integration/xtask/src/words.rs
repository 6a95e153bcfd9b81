//! What all texts of the product have in common, looked at in their source.

use std::path::Path;

use crate::rules::workspace_root;

/// Of each line of the sources what `wrong` finds in it.
fn found(wrong: impl Fn(&str) -> bool) -> Vec<String> {
    let mut lines = Vec::new();
    for room in ["services", "shared"] {
        walk(&workspace_root().join(room), &mut |file, text| {
            let numbered = (1..).zip(text.lines()).filter(|(_, line)| wrong(line));
            lines.extend(numbered.map(|(number, line)| format!("{}:{number}: {}", file.display(), line.trim())));
        });
    }
    lines
}

fn walk(directory: &Path, look: &mut impl FnMut(&Path, &str)) {
    for entry in std::fs::read_dir(directory).expect("a directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, look);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            look(&path, &std::fs::read_to_string(&path).expect("a source"));
        }
    }
}

/// Whether a text of this line says `host(s)`: `domain::counted` says it as people do.
fn evades_the_plural(line: &str) -> bool {
    let in_a_text = |at: usize| line[..at].replace("\\\"", "").matches('"').count() % 2 == 1;
    ["(s)", "(es)"].iter().any(|ending| {
        let mut places = line.match_indices(ending).map(|(at, _)| at);
        places.any(|at| in_a_text(at) && line[..at].ends_with(|before: char| before.is_ascii_lowercase()))
    })
}

/// Whether a text of this line puts a plural after a number that may be one: `{n} hosts`. By their names, `{many}` and
/// `{several}` are more than one, what is written in capitals is a bound, and a number with a width stands in a table.
fn takes_the_plural_for_granted(line: &str) -> bool {
    const NOUNS: [&str; 9] = [
        "addresses",
        "certificates",
        "hosts",
        "incidents",
        "names",
        "orders",
        "policies",
        "runs",
        "targets",
    ];
    let is_test = line.contains("assert") || line.contains("ensure!");
    !is_test
        && line.match_indices("} ").any(|(at, _)| {
            let number = line[..at].rsplit('{').next().unwrap_or_default();
            let is_one_or_more =
                number != "many" && number != "several" && !number.contains(|c: char| c == ':' || c.is_uppercase());
            let follows = line[at + 2..].split(|c: char| !c.is_ascii_lowercase()).next();
            is_one_or_more && line.contains('"') && follows.is_some_and(|noun| NOUNS.contains(&noun))
        })
}

#[test]
fn no_text_takes_the_plural_for_granted() {
    assert!(takes_the_plural_for_granted(r#"format!("{n} hosts added")"#));
    assert!(takes_the_plural_for_granted(r#"format!("{} orders at once", fleet)"#));
    assert!(!takes_the_plural_for_granted(
        r#"format!("{many} hosts and {MOST} names")"#
    ));
    assert!(!takes_the_plural_for_granted(r#"format!("{the} hostname")"#));
    let mut found = found(takes_the_plural_for_granted);
    // Nobody but us reads what a test says.
    found.retain(|place| !place.contains("/tests/"));
    assert!(found.is_empty(), "use domain::counted:\n{}", found.join("\n"));
}

#[test]
fn no_text_evades_the_plural() {
    assert!(evades_the_plural(r#"format!("{n} host(s)")"#));
    assert!(!evades_the_plural(r#"seen.extend(s); Some("the (s) of it")"#));
    let found = found(evades_the_plural);
    assert!(found.is_empty(), "use domain::counted:\n{}", found.join("\n"));
}
