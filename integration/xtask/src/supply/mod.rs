//! Which foreign crates Vigilo may be built from: their licences, their versions, and where they come from.
//!
//! In: `.cargo/deny.toml`, `cargo metadata`. Out: nothing, or one line for each crate that breaks a rule. Never: asks a
//! registry.
//!
//! The file follows the format of cargo-deny. That program is not used: it would be built anew on every fresh machine,
//! which takes minutes, where this takes no time that is felt. Licence expressions are read by the `spdx` crate, as
//! cargo-deny does.

mod policy;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use spdx::{Expression, ParseMode};

use self::policy::Policy;
use crate::rules::workspace_root;

const POLICY: &str = ".cargo/deny.toml";

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

/// What is built, of all that the lock file names.
#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    /// Crates of the workspace have none.
    source: Option<String>,
}

/// # Errors
/// With one line for each crate, or entry of the policy, that breaks a rule.
pub fn run() -> Result<()> {
    let text = fs::read_to_string(workspace_root().join(POLICY)).context(POLICY)?;
    let policy: Policy = toml::from_str(&text).context(POLICY)?;
    let broken = violations(&policy, &foreign(metadata(&policy)?));
    if !broken.is_empty() {
        let many = broken.len();
        bail!("{many} place(s) against {POLICY}:\n  {}", broken.join("\n  "));
    }
    Ok(())
}

fn metadata(policy: &Policy) -> Result<Metadata> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--locked", "--format-version", "1"]);
    for target in &policy.graph.targets {
        command.args(["--filter-platform", target]);
    }
    let output = command.current_dir(workspace_root()).output();
    let output = output.context("starting `cargo metadata`")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`cargo metadata` failed: {said}");
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn foreign(metadata: Metadata) -> Vec<Package> {
    let built: BTreeSet<String> = metadata.resolve.nodes.into_iter().map(|node| node.id).collect();
    let packages = metadata.packages.into_iter();
    packages
        .filter(|package| package.source.is_some() && built.contains(&package.id))
        .collect()
}

fn violations(policy: &Policy, packages: &[Package]) -> Vec<String> {
    let mut broken = licences(policy, packages);
    broken.extend(duplicates(policy, packages));
    for package in packages {
        broken.extend(strange_source(policy, package));
        broken.extend(banned(policy, package));
    }
    broken
}

/// Crates without a licence that is allowed, and allowed licences that no crate has.
fn licences(policy: &Policy, packages: &[Package]) -> Vec<String> {
    let mut broken = Vec::new();
    let mut used = BTreeSet::new();
    for Package {
        name, version, license, ..
    } in packages
    {
        let Some(text) = license else {
            broken.push(format!("{name} {version} names no licence"));
            continue;
        };
        match Expression::parse_mode(text, ParseMode::LAX) {
            Ok(licence) => {
                used.extend(licence.requirements().map(|one| one.req.to_string()));
                if !licence.evaluate(|wanted| policy.licenses.allow.contains(&wanted.to_string())) {
                    broken.push(format!("{name} {version} is under {text}, which is not allowed"));
                }
            }
            Err(error) => broken.push(format!(
                "{name} {version}: its licence {text:?} cannot be read: {}",
                error.reason
            )),
        }
    }
    let allowed = policy.licenses.allow.iter();
    let unused = allowed.filter(|licence| !used.contains(*licence));
    broken.extend(unused.map(|licence| format!("{licence} is allowed, and no crate is under it")));
    broken
}

/// Crates of several versions of which no entry says why, and entries that say it of none.
fn duplicates(policy: &Policy, packages: &[Package]) -> Vec<String> {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages {
        versions.entry(&package.name).or_default().insert(&package.version);
    }
    versions.retain(|_, versions| versions.len() > 1);
    let mut broken = Vec::new();
    for entry in &policy.bans.skip {
        let several = versions.get_mut(entry.name());
        let before = several.as_ref().map_or(0, |versions| versions.len());
        let after = several.map_or(0, |versions| {
            versions.retain(|version| !entry.is_of(version));
            versions.len()
        });
        if before == after {
            broken.push(format!(
                "{} is skipped, and is not there beside another version",
                entry.package
            ));
        }
    }
    versions.retain(|_, versions| versions.len() > 1);
    broken.extend(versions.iter().map(|(name, versions)| {
        let all: Vec<&str> = versions.iter().copied().collect();
        format!("{name} is there in several versions: {}", all.join(", "))
    }));
    broken
}

fn strange_source(policy: &Policy, package: &Package) -> Option<String> {
    let source = package.source.as_deref()?;
    let registry = source.strip_prefix("registry+");
    let known = registry.is_some_and(|url| policy.sources.allow_registry.iter().any(|allowed| allowed == url));
    let Package { name, version, .. } = package;
    (!known).then(|| format!("{name} {version} comes from {source}, which is not allowed"))
}

fn banned(policy: &Policy, package: &Package) -> Option<String> {
    let Package { name, version, .. } = package;
    let mut entries = policy.bans.deny.iter();
    let entry = entries.find(|entry| entry.name() == name && entry.is_of(version))?;
    Some(format!("{name} {version} is banned: {}", entry.reason))
}
