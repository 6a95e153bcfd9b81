//! Which files a crate may build into itself: its own, and data that an operator owns.
//!
//! In: the sources of the workspace. Out: nothing, or every `include_str!` of a file outside of its crate. Never: opens the
//! file that is included.

use std::path::{Component, Path, PathBuf};

/// Files outside of the crate that may be built in, each with its reason.
const ALLOWED: [(&str, &str); 3] = [
    (
        "deploy/catalogue/providers.json",
        "data of the operator's guide; the store inserts it into an empty database",
    ),
    (
        "deploy/catalogue/limits.json",
        "data of the operator's guide; the store inserts it into an empty database",
    ),
    (
        "deploy/postgres/roles.sql",
        "what an operator runs; tests of the store and of a fleet run it too",
    ),
];

const MACROS: [&str; 3] = ["include_str", "include_bytes", "include"];

/// One line for each file that is built in from outside of the crate of `source`, which is below `root`.
pub fn violations(root: &Path, source: &Path, text: &str) -> Vec<String> {
    let shown = source.strip_prefix(root).unwrap_or(source).display();
    let mut broken = Vec::new();
    for argument in arguments(text) {
        let Some(file) = argument.strip_prefix('"').and_then(|rest| rest.split('"').next()) else {
            broken.push(format!(
                "{shown}: it includes a path that is not written out: {argument}"
            ));
            continue;
        };
        let file = normal(&source.parent().unwrap_or(root).join(file));
        let outside = home(source).is_none_or(|home| !file.starts_with(home));
        let below = file.strip_prefix(root).unwrap_or(&file);
        let allowed = ALLOWED.iter().any(|(path, _why)| below == Path::new(path));
        if outside && !allowed {
            broken.push(format!(
                "{shown}: it includes {}, which is not in its crate: let the crate that owns it offer the text",
                below.display()
            ));
        }
    }
    broken
}

/// What stands behind the bracket of each macro that includes a file.
fn arguments(text: &str) -> impl Iterator<Item = &str> {
    let calls = MACROS.into_iter().flat_map(move |name| {
        let call = format!("{name}!(");
        let places: Vec<usize> = text.match_indices(&call).map(|(at, _)| at + call.len()).collect();
        places
    });
    calls.filter_map(|at| text.get(at..)).map(|rest| {
        let rest = rest.trim_start();
        rest.lines().next().unwrap_or_default()
    })
}

/// The directory of the crate that a source belongs to.
fn home(source: &Path) -> Option<&Path> {
    source
        .ancestors()
        .skip(1)
        .find(|above| above.join("Cargo.toml").is_file())
}

/// Without `..`, as far as the path says.
fn normal(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut whole, part| {
        if part == Component::ParentDir {
            whole.pop();
        } else {
            whole.push(part);
        }
        whole
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::workspace_root;

    fn broken_by(text: &str) -> Vec<String> {
        let root = workspace_root();
        violations(root, &root.join("services/issuer/src/verdict/tests.rs"), text)
    }

    #[test]
    fn only_files_of_the_crate_and_data_of_deploy_are_built_in() {
        let call = |macro_name: &str, file: &str| format!("let text = f({macro_name}!(\n    {file:?}));");
        for within in ["page.md", "../../README.md", "../../../../deploy/postgres/roles.sql"] {
            assert_eq!(
                broken_by(&call("include_str", within)),
                Vec::<String>::new(),
                "{within}"
            );
        }
        for (name, without) in [
            ("include_str", "../../../planner/README.md"),
            ("include_bytes", "../../../../deploy/nats/README.md"),
            ("include", "../../../issuer-of-others/src/lib.rs"),
        ] {
            let broken = broken_by(&call(name, without));
            assert!(
                broken.len() == 1 && broken[0].contains("not in its crate"),
                "{without}: {broken:?}"
            );
        }
        let hidden = broken_by(&format!("{}!(concat!(\"a\", \"b\"))", MACROS[0]));
        assert!(hidden.len() == 1 && hidden[0].contains("not written out"), "{hidden:?}");
    }

    #[test]
    fn every_exemption_is_there_and_has_its_reason() {
        for (file, why) in ALLOWED {
            assert!(workspace_root().join(file).is_file() && why.len() > 20, "{file}");
        }
    }
}
