use super::*;

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn policy() -> Policy {
    let text = r#"
        graph.targets = []
        licenses.allow = ["MIT", "Apache-2.0"]
        [bans]
        multiple-versions = "deny"
        deny = [{ crate = "native-tls", reason = "one TLS" }]
        skip = [{ crate = "old@0.8", reason = "of another crate" }]
        [sources]
        unknown-registry = "deny"
        unknown-git = "deny"
        allow-registry = ["https://github.com/rust-lang/crates.io-index"]
    "#;
    toml::from_str(text).expect("a policy")
}

fn package(name: &str, version: &str, license: &str) -> Package {
    Package {
        id: format!("{name} {version}"),
        name: name.to_owned(),
        version: version.to_owned(),
        license: Some(license.to_owned()),
        source: Some(CRATES_IO.to_owned()),
    }
}

/// What these add to a tree that keeps every rule.
fn broken_by(further: Vec<Package>) -> Vec<String> {
    let mut all = vec![
        package("both", "1.0.0", "MIT/Apache-2.0"),
        package("old", "0.8.5", "MIT"),
        package("old", "0.9.0", "MIT"),
    ];
    all.extend(further);
    violations(&policy(), &all)
}

#[test]
fn a_tree_within_the_rules_passes() {
    assert_eq!(broken_by(Vec::new()), Vec::<String>::new());
    let choice = package("choice", "1.0.0", "GPL-3.0-only OR MIT");
    assert_eq!(broken_by(vec![choice]), Vec::<String>::new());
}

#[test]
fn copyleft_is_refused_alone_and_beside_a_permissive_licence() {
    for licence in ["GPL-3.0-only", "AGPL-3.0-or-later", "LGPL-2.1", "MIT AND GPL-2.0-only"] {
        let broken = broken_by(vec![package("viral", "1.2.3", licence)]);
        assert_eq!(
            broken,
            [format!("viral 1.2.3 is under {licence}, which is not allowed")]
        );
    }
}

#[test]
fn no_licence_and_one_that_says_nothing_are_refused() {
    let silent = Package {
        license: None,
        ..package("silent", "1.0.0", "")
    };
    assert_eq!(broken_by(vec![silent]), ["silent 1.0.0 names no licence"]);
    let broken = broken_by(vec![package("own", "1.0.0", "free for friends")]);
    assert!(broken[0].starts_with("own 1.0.0: its licence"), "{broken:?}");
}

#[test]
fn a_second_version_needs_an_entry_and_an_entry_needs_a_second_version() {
    let broken = broken_by(vec![package("both", "2.0.0", "MIT")]);
    assert_eq!(broken, ["both is there in several versions: 1.0.0, 2.0.0"]);
    let broken = broken_by(vec![package("old", "0.10.0", "MIT")]);
    assert_eq!(broken, ["old is there in several versions: 0.10.0, 0.9.0"]);
    let one = [
        package("old", "0.8.5", "MIT"),
        package("both", "1.0.0", "MIT AND Apache-2.0"),
    ];
    let broken = violations(&policy(), &one);
    assert_eq!(broken, ["old@0.8 is skipped, and is not there beside another version"]);
}

#[test]
fn a_licence_that_nothing_needs_is_taken_out() {
    let one = [package("old", "0.8.5", "MIT"), package("old", "0.9.0", "MIT")];
    let broken = violations(&policy(), &one);
    assert_eq!(broken, ["Apache-2.0 is allowed, and no crate is under it"]);
}

#[test]
fn other_sources_and_banned_crates_are_refused() {
    let forked = Package {
        source: Some("git+https://example.org/forked#1234".to_owned()),
        ..package("forked", "1.0.0", "MIT")
    };
    let broken = broken_by(vec![forked, package("native-tls", "0.2.0", "MIT")]);
    assert_eq!(
        broken,
        [
            "forked 1.0.0 comes from git+https://example.org/forked#1234, which is not allowed",
            "native-tls 0.2.0 is banned: one TLS"
        ]
    );
}

#[test]
fn the_tree_of_today_keeps_the_rules() -> Result<()> {
    run()
}
