//! Which crate may import which.
//!
//! In: `cargo metadata`. Out: nothing, or every import that breaks a rule, with the rule. A new crate of the workspace
//! must be given a row here before it compiles into anything. Never: looks into the sources; what is not a dependency
//! cannot be imported.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

/// A crate of the workspace and the crates of the workspace that it may import.
struct Room {
    name: &'static str,
    imports: &'static [&'static str],
}

const fn room(name: &'static str, imports: &'static [&'static str]) -> Room {
    Room { name, imports }
}

/// A worker is stateless: what it needs is in the order, so it has no store.
const WORKER: &[&str] = &["domain", "protocol", "codes", "bus", "chassis", "custody"];
/// Services that answer for rows.
const RECORD_KEEPER: &[&str] = &["domain", "protocol", "codes", "bus", "chassis", "custody", "store"];
/// Beside the rows that it answers for, the types of the HTTP API.
const CONSOLE: &[&str] = &[
    "domain", "protocol", "api", "codes", "bus", "chassis", "custody", "store",
];
/// Everything but the test kit: the binary that wires the services together.
const PRODUCT: &[&str] = &[
    "domain",
    "protocol",
    "codes",
    "bus",
    "chassis",
    "custody",
    "store",
    "planner",
    "key-signer",
    "issuer",
    "deployer",
    "verifier",
    "incident",
    "vigilo-console",
    "cli",
];

const ROOMS: &[Room] = &[
    room("domain", &[]),
    room("protocol", &["domain"]),
    room("codes", &[]),
    room("api", &["domain", "protocol"]),
    room("store", &["domain"]),
    room("bus", &["domain", "protocol", "chassis"]),
    room("chassis", &[]),
    room("custody", &["domain", "protocol", "bus"]),
    room("testkit", &[]),
    room("samples", &["domain"]),
    room("fuzz", &[]),
    room("key-signer", WORKER),
    room("issuer", WORKER),
    room("deployer", WORKER),
    room("verifier", WORKER),
    room("planner", RECORD_KEEPER),
    room("incident", RECORD_KEEPER),
    room("vigilo-console", CONSOLE),
    room("cli", &["domain", "protocol", "api", "codes", "chassis"]),
    room("vigilo", PRODUCT),
    room("integration", &["domain", "protocol", "api", "bus", "store", "testkit"]),
    room("xtask", &["integration", "domain", "api", "protocol", "testkit"]),
];

/// A foreign crate that only these rooms may import, in tests too.
struct Wall {
    dependency: &'static str,
    rooms: &'static [&'static str],
    because: &'static str,
}

const WALLS: &[Wall] = &[
    Wall {
        dependency: "sqlx",
        rooms: &["store", "testkit"],
        because: "all SQL is in the store",
    },
    Wall {
        dependency: "async-nats",
        rooms: &["bus", "testkit"],
        because: "all NATS is in the bus",
    },
    Wall {
        dependency: "instant-acme",
        rooms: &["issuer", "integration", "testkit"],
        because: "only the issuer speaks ACME; the tests hold it against a bare client",
    },
    Wall {
        dependency: "aws-sdk-kms",
        rooms: &["key-signer"],
        because: "only the key-signer holds keys",
    },
];

/// Rooms without any input or output, and what would bring it in.
const PURE: &[&str] = &["domain", "protocol", "api", "codes"];
const IMPURE: &[&str] = &[
    "async-nats",
    "axum",
    "clap",
    "figment",
    "futures",
    "hyper",
    "hyper-util",
    "instant-acme",
    "opentelemetry",
    "reqwest",
    "rustix",
    "rustls",
    "sqlx",
    "tempfile",
    "tokio",
    "tokio-rustls",
    "tokio-util",
    "tracing",
    "tracing-subscriber",
];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
    /// Only dependencies inside the workspace have one.
    path: Option<PathBuf>,
}

impl Dependency {
    fn is_dev(&self) -> bool {
        self.kind.as_deref() == Some("dev")
    }
}

/// # Errors
/// With one line for each import that breaks a rule.
pub fn run() -> Result<()> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(workspace_root())
        .output()
        .context("starting `cargo metadata`")?;
    ensure!(
        output.status.success(),
        "`cargo metadata` failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Metadata = serde_json::from_slice(&output.stdout)?;
    let broken = violations(&metadata);
    if !broken.is_empty() {
        bail!(
            "{} import(s) against the rules:\n  {}",
            broken.len(),
            broken.join("\n  ")
        );
    }
    Ok(())
}

/// The directory of the workspace that this chore was built in.
pub fn workspace_root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

fn violations(metadata: &Metadata) -> Vec<String> {
    metadata.packages.iter().flat_map(violations_of).collect()
}

fn violations_of(package: &Package) -> Vec<String> {
    let name = package.name.as_str();
    let Some(room) = ROOMS.iter().find(|room| room.name == name) else {
        return vec![format!(
            "{name} has no row in the import rules: add one that says what it may import"
        )];
    };
    package
        .dependencies
        .iter()
        .filter_map(|import| violation(room, import))
        .collect()
}

fn violation(room: &Room, import: &Dependency) -> Option<String> {
    let (name, wanted) = (room.name, import.name.as_str());
    if import.path.is_some() {
        let in_tests = import.is_dev() && ["testkit", "fuzz", "samples"].contains(&wanted);
        let allowed = in_tests || room.imports.contains(&wanted);
        return (!allowed).then(|| format!("{name} imports {wanted}: of ours it may import {:?}", room.imports));
    }
    if let Some(wall) = WALLS
        .iter()
        .find(|wall| wall.dependency == wanted && !wall.rooms.contains(&name))
    {
        return Some(format!(
            "{name} imports {wanted}: {} (allowed in {:?})",
            wall.because, wall.rooms
        ));
    }
    let impure = PURE.contains(&name) && !import.is_dev() && IMPURE.contains(&wanted);
    impure.then(|| format!("{name} imports {wanted}: it is pure, without input, output, runtime or log"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn import(name: &str) -> Dependency {
        Dependency {
            name: name.to_owned(),
            kind: None,
            path: None,
        }
    }

    fn ours(name: &str) -> Dependency {
        Dependency {
            path: Some(PathBuf::from(name)),
            ..import(name)
        }
    }

    fn dev(dependency: Dependency) -> Dependency {
        Dependency {
            kind: Some("dev".to_owned()),
            ..dependency
        }
    }

    fn broken_by(room: &str, dependency: Dependency) -> Vec<String> {
        let package = Package {
            name: room.to_owned(),
            dependencies: vec![dependency],
        };
        violations(&Metadata {
            packages: vec![package],
        })
    }

    #[test]
    fn imports_against_the_rules_are_named() {
        let samples = [
            ("verifier", ours("store")),
            ("planner", ours("issuer")),
            ("store", ours("bus")),
            ("bus", ours("store")),
            ("chassis", ours("domain")),
            ("testkit", ours("planner")),
            ("planner", ours("testkit")),
            ("planner", ours("samples")),
            ("domain", ours("fuzz")),
            ("cli", ours("store")),
            ("planner", ours("api")),
            ("cli", ours("vigilo-console")),
            ("planner", dev(ours("issuer"))),
            ("planner", import("sqlx")),
            ("vigilo-console", dev(import("sqlx"))),
            ("issuer", import("async-nats")),
            ("vigilo", import("instant-acme")),
            ("domain", import("tokio")),
            ("domain", import("tracing")),
            ("protocol", import("reqwest")),
        ];
        for (room, dependency) in samples {
            let wanted = dependency.name.clone();
            let broken = broken_by(room, dependency);
            assert_eq!(
                broken.len(),
                1,
                "{room} importing {wanted} must break one rule: {broken:?}"
            );
            assert!(broken[0].starts_with(&format!("{room} imports {wanted}")), "{broken:?}");
        }
    }

    #[test]
    fn imports_within_the_rules_pass() {
        let samples = [
            ("verifier", ours("bus")),
            ("planner", ours("store")),
            ("planner", dev(ours("testkit"))),
            ("planner", dev(ours("samples"))),
            ("domain", dev(ours("fuzz"))),
            ("vigilo", ours("issuer")),
            ("store", import("sqlx")),
            ("issuer", import("instant-acme")),
            ("domain", import("serde")),
            ("domain", dev(import("proptest"))),
        ];
        for (room, dependency) in samples {
            assert_eq!(broken_by(room, dependency), Vec::<String>::new());
        }
    }

    #[test]
    fn a_crate_without_a_row_is_named() {
        let package = Package {
            name: "utils".to_owned(),
            dependencies: Vec::new(),
        };
        let broken = violations(&Metadata {
            packages: vec![package],
        });
        assert!(broken[0].contains("utils has no row"), "{broken:?}");
    }

    #[test]
    fn the_workspace_keeps_its_own_rules() -> Result<()> {
        run()
    }
}
