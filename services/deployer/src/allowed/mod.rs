//! What this deployer may do, workspace by workspace: the directories in which it writes and the
//! commands that it runs.
//!
//! In: its own configuration. Out: the directories of a workspace, the commands of an activation,
//! or a refusal with the line that would allow it. Never: a command that comes with an order.

mod presets;
pub mod words;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chassis::config::ConfigError;
use domain::WorkspaceId;
use domain::activation::{self, PRESETS};
use domain::target::{FileTarget, Reload};
use serde::Deserialize;

use crate::targets::error::TargetError;

/// One table `[workspaces.<workspace>]` of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OfWorkspace {
    /// In place of the deployer's own `allowed_roots`.
    pub allowed_roots: Option<Vec<PathBuf>>,
    /// In place of presets of these names, and beside the others.
    pub activations: BTreeMap<String, Commands>,
}

/// What an activation runs: programs with their arguments, without a shell.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commands {
    /// Makes the server read its files.
    pub command: Vec<String>,
    /// Ends with another exit code than 0 when the server could not use its configuration and
    /// files.
    #[serde(default)]
    pub test: Vec<String>,
}

/// All of it, checked; directories without links.
#[derive(Debug, Clone, Default)]
pub struct Allowed {
    roots: Arc<[PathBuf]>,
    presets: Vec<String>,
    workspaces: HashMap<String, Read>,
}

/// Its own directories, if it has any, and its activations.
type Read = (Option<Arc<[PathBuf]>>, BTreeMap<String, Commands>);

impl Allowed {
    /// Or which key cannot be used.
    pub fn read(
        roots: &[PathBuf],
        presets: &[String],
        workspaces: &BTreeMap<String, OfWorkspace>,
    ) -> Result<Self, ConfigError> {
        let no_preset = presets
            .iter()
            .enumerate()
            .find(|(_, name)| presets::commands(name).is_none());
        if let Some((index, name)) = no_preset {
            let known = PRESETS.join(", ");
            return Err(ConfigError(format!("presets[{index}]: {name:?} is none; use {known}")));
        }
        let read = |(name, own): (&String, &OfWorkspace)| of_workspace(name, own).map(|read| (name.clone(), read));
        Ok(Self {
            roots: canonical("allowed_roots", roots)?,
            presets: presets.to_vec(),
            workspaces: workspaces.iter().map(read).collect::<Result<_, _>>()?,
        })
    }

    /// The directories below which files of this workspace are written.
    pub fn roots(&self, workspace: &WorkspaceId) -> Arc<[PathBuf]> {
        let own = self.workspaces.get(workspace.as_str());
        own.and_then(|(roots, _)| roots.clone())
            .unwrap_or_else(|| self.roots.clone())
    }

    /// Every directory below which something may be written.
    pub fn all_roots(&self) -> Vec<PathBuf> {
        let own = self.workspaces.values().filter_map(|(roots, _)| roots.as_ref());
        let mut all: Vec<PathBuf> = own
            .chain([&self.roots])
            .flat_map(|roots| roots.iter().cloned())
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Nothing could be deployed anywhere.
    pub fn has_no_roots(&self) -> bool {
        self.roots.is_empty()
            && self
                .workspaces
                .values()
                .all(|(own, _)| own.as_ref().is_none_or(|roots| roots.is_empty()))
    }

    /// What the target's activation runs; nothing when its server looks by itself.
    pub fn commands(&self, workspace: &WorkspaceId, target: &FileTarget) -> Result<Option<Commands>, TargetError> {
        match (&target.activate, &target.reload) {
            (None, None) => Ok(None),
            (Some(name), _) => self.activation(workspace, name).map(Some),
            (None, Some(reload)) => match self.with_command(workspace, &reload.command) {
                Some(found) => Ok(Some(found)),
                None => Err(free(workspace, reload)),
            },
        }
    }

    /// What the activation of this name runs.
    pub fn activation(&self, workspace: &WorkspaceId, name: &str) -> Result<Commands, TargetError> {
        let found = self.named(workspace, name);
        found.ok_or_else(|| self.unknown(workspace, name))
    }

    fn named(&self, workspace: &WorkspaceId, name: &str) -> Option<Commands> {
        let own = self.own(workspace).and_then(|all| all.get(name)).cloned();
        let preset = || {
            self.presets
                .iter()
                .find(|preset| *preset == name)
                .and_then(|_| presets::commands(name))
        };
        own.or_else(preset)
    }

    fn own(&self, workspace: &WorkspaceId) -> Option<&BTreeMap<String, Commands>> {
        self.workspaces
            .get(workspace.as_str())
            .map(|(_, activations)| activations)
    }

    /// A policy from before activations had names: what is allowed under some name is allowed to it
    /// too.
    fn with_command(&self, workspace: &WorkspaceId, command: &[String]) -> Option<Commands> {
        let own = self.own(workspace).into_iter().flat_map(BTreeMap::values).cloned();
        let preset = |name: &String| {
            let found = presets::commands(name)?;
            (found.command == command || presets::was(name, command)).then_some(found)
        };
        own.filter(|one| one.command == command)
            .chain(self.presets.iter().filter_map(preset))
            .next()
    }

    fn unknown(&self, workspace: &WorkspaceId, name: &str) -> TargetError {
        let own = self.own(workspace).into_iter().flat_map(BTreeMap::keys);
        let mut known: Vec<&str> = own.chain(&self.presets).map(String::as_str).collect();
        known.dedup();
        let line = line_for(workspace, name, &["/path/of/the/program".to_owned()]);
        TargetError::NotAllowed {
            what: format!("this deployer has no activation {name:?} for the workspace {workspace}"),
            remedy: format!(
                "add this line at the top of its configuration, with the command, and start it again, then resume: {line} \
                 (vigilo up: --allow-activation {name}=/path/of/the/program); or give the policy one that it has: {}",
                known.join(", ")
            ),
        }
    }
}

/// As it stands in the configuration: one line that goes before the first table.
pub fn line_for(workspace: &WorkspaceId, name: &str, command: &[String]) -> String {
    format!("workspaces.{workspace}.activations.{name}.command = {}", array(command))
}

/// JSON's spelling of a list of words is TOML's too.
fn array(words: &[String]) -> String {
    serde_json::to_string(words).unwrap_or_default()
}

/// One word for who types it.
fn for_a_shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-=".contains(c);
    if word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A command that came with an old policy.
fn free(workspace: &WorkspaceId, reload: &Reload) -> TargetError {
    let command = &reload.command;
    let name = activation::name_for(command);
    let line = line_for(workspace, &name, command);
    let preset = activation::preset_for(command);
    let or_preset = preset.map_or_else(String::new, |preset| {
        format!("; or give the policy the preset for its next run: vigilo policy set HOST --activate {preset}")
    });
    TargetError::NotAllowed {
        what: format!(
            "the policy has a command of its own, `{}`, and this deployer runs only what its configuration names",
            command.join(" ")
        ),
        remedy: format!(
            "add this line at the top of the deployer's configuration and start it again, then resume: {line} (vigilo up: \
             --allow-activation {}), and give the policy the name: vigilo policy set HOST --activate {name}{or_preset}",
            for_a_shell(&format!("{name}={}", array(command)))
        ),
    }
}

/// A path that lies outside.
pub fn outside(file: &Path, roots: &[PathBuf]) -> TargetError {
    let directory = file.parent().unwrap_or(file);
    let mut all: Vec<String> = roots.iter().map(|root| root.display().to_string()).collect();
    let so_far = if all.is_empty() {
        "it has none yet".to_owned()
    } else {
        format!("they are {}", all.join(", "))
    };
    all.push(directory.display().to_string());
    TargetError::NotAllowed {
        what: format!(
            "{} lies outside the directories that this deployer may write: {so_far}",
            file.display()
        ),
        remedy: format!(
            "change the path, or put this line at the top of the deployer's configuration in place of the one that is there (or \
             into the table of its workspace, where that has directories of its own), start it again and resume: allowed_roots = \
             {} (vigilo up: --allow-root {})",
            array(&all),
            for_a_shell(&directory.display().to_string())
        ),
    }
}

fn of_workspace(name: &str, own: &OfWorkspace) -> Result<Read, ConfigError> {
    let table = format!("workspaces.{name}");
    if let Err(error) = name.parse::<WorkspaceId>() {
        return Err(ConfigError(format!("{table}: {error}")));
    }
    let roots = own.allowed_roots.as_ref();
    let roots = roots
        .map(|roots| canonical(&format!("{table}.allowed_roots"), roots))
        .transpose()?;
    for (name, commands) in &own.activations {
        let key = format!("{table}.activations.{name}");
        activation::check_name(name).map_err(|refused| ConfigError(refused.within(&key).to_string()))?;
        words::check(&commands.command).map_err(|why| ConfigError(format!("{key}.command: {why}")))?;
        if !commands.test.is_empty() {
            words::check(&commands.test).map_err(|why| ConfigError(format!("{key}.test: {why}")))?;
        }
    }
    Ok((roots, own.activations.clone()))
}

fn canonical(key: &str, roots: &[PathBuf]) -> Result<Arc<[PathBuf]>, ConfigError> {
    let root = |(index, path): (usize, &PathBuf)| {
        let found = path.canonicalize().and_then(|found| found.read_dir().map(|_| found));
        found.map_err(|e| {
            let path = path.display();
            ConfigError(format!("{key}[{index}]: {path}: {e}; give a directory that exists"))
        })
    };
    roots.iter().enumerate().map(root).collect()
}

#[cfg(test)]
mod tests;
