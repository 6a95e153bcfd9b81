//! `vigilo nats-config`: the accounts of a fleet's NATS and their users, each with the rights of its rows of the topology
//! and no more.
//!
//! In: a directory with one password per user. Out: an `accounts` block for nats-server on stdout. Never: a running
//! server, and no password outside of that directory and the block.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use bus::accounts::{self, Door, Kind};
use bus::permissions::User;
use clap::Args;
use domain::WorkspaceId;

use crate::up::data_dir::made_secret;

/// `EX_CONFIG`
const EXIT_CONFIG: u8 = 64;

#[derive(Args)]
pub struct NatsConfigArgs {
    /// Directory with one file per user, named like the user, that holds its password
    #[arg(long)]
    secrets: PathBuf,
    /// A workspace whose other systems get a user `ws-<name>`; may be repeated
    #[arg(long = "workspace", default_value = "default")]
    workspaces: Vec<WorkspaceId>,
    /// Make a password for every user that has none yet
    #[arg(long)]
    make_secrets: bool,
}

pub fn run(args: &NatsConfigArgs) -> ExitCode {
    match config(args) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("vigilo: {error:#}");
            ExitCode::from(EXIT_CONFIG)
        }
    }
}

fn config(args: &NatsConfigArgs) -> Result<String> {
    let mut fleet = Vec::new();
    for user in User::services() {
        fleet.push(entry(&user, &password(args, &user)?));
    }
    let mut workspaces = Vec::new();
    for workspace in &args.workspaces {
        let user = User::Workspace(workspace.clone());
        workspaces.push((workspace.clone(), entry(&user, &password(args, &user)?)));
    }
    Ok(accounts_block(&fleet, &workspaces))
}

/// The account of the services with these users, and one for each workspace with its own.
pub fn accounts_block(fleet: &[String], workspaces: &[(WorkspaceId, String)]) -> String {
    let exports: String = workspaces.iter().map(|(workspace, _)| exports(workspace)).collect();
    let walled: String = workspaces
        .iter()
        .map(|(workspace, user)| walled(workspace, user))
        .collect();
    let (name, users) = (accounts::FLEET, fleet.concat());
    format!(
        "accounts {{\n  {name} {{\n    jetstream: enabled\n    users = [\n{users}    ]\n    exports = [\n{exports}    ]\n  \
         }}\n{walled}}}\n"
    )
}

fn exports(workspace: &WorkspaceId) -> String {
    let to = accounts::of(workspace);
    let line = |door: Door| {
        let (kind, answers) = match door.kind {
            Kind::Heard => ("stream", ""),
            Kind::Asked => ("service", ""),
            Kind::Fetched => ("service", "response: stream, "),
        };
        format!("      {{ {kind}: {:?}, {answers}accounts: [{to:?}] }}\n", door.subject)
    };
    accounts::doors(workspace).into_iter().map(line).collect()
}

fn walled(workspace: &WorkspaceId, user: &str) -> String {
    let line = |door: Door| {
        let kind = match door.kind {
            Kind::Heard => "stream",
            Kind::Asked | Kind::Fetched => "service",
        };
        let renamed = if door.inside == door.subject {
            String::new()
        } else {
            format!(", to: {:?}", door.inside)
        };
        let (account, subject) = (accounts::FLEET, &door.subject);
        format!("      {{ {kind}: {{ account: {account}, subject: {subject:?} }}{renamed} }}\n")
    };
    let imports: String = accounts::doors(workspace).into_iter().map(line).collect();
    let name = accounts::of(workspace);
    format!("  {name:?} {{\n    users = [\n{user}    ]\n    imports = [\n{imports}    ]\n  }}\n")
}

/// One user as nats-server reads it. What is not allowed is denied.
pub fn entry(user: &User, password: &str) -> String {
    let rights = user.rights();
    let responses = if rights.answers { ", allow_responses: true" } else { "" };
    format!(
        "      {{ user: {:?}, password: {password:?}, permissions: {{\n        publish: {{ allow: {:?} }},\n        \
         subscribe: {{ allow: {:?} }}{responses} }} }}\n",
        user.name(),
        rights.publish,
        rights.subscribe,
    )
}

fn password(args: &NatsConfigArgs, user: &User) -> Result<String> {
    let file = args.secrets.join(user.name());
    if args.make_secrets {
        std::fs::create_dir_all(&args.secrets).with_context(|| format!("--secrets {}", args.secrets.display()))?;
        return made_secret(&file);
    }
    read(&file)
}

fn read(file: &Path) -> Result<String> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => bail!(
            "--secrets: {} cannot be read ({error}); write the password of this user there, or give --make-secrets",
            file.display()
        ),
    };
    let password = text.trim();
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '$');
    ensure!(
        password.len() >= 16 && password.chars().all(plain),
        "--secrets: {} holds no usable password; give at least 16 letters or digits, for example from `openssl rand -hex 24`",
        file.display()
    );
    Ok(password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_or_weak_password_names_its_file_and_made_ones_stay() {
        let secrets = std::env::temp_dir().join(format!("vigilo-secrets-{}", uuid::Uuid::now_v7()));
        let mut args = NatsConfigArgs {
            secrets: secrets.clone(),
            workspaces: vec!["acme".parse().expect("a slug")],
            make_secrets: false,
        };
        let refused = config(&args).expect_err("no directory").to_string();
        assert!(
            refused.contains("planner") && refused.contains("--make-secrets"),
            "{refused}"
        );
        args.make_secrets = true;
        let made = config(&args).expect("made");
        args.make_secrets = false;
        assert_eq!(config(&args).expect("read"), made);
        assert!(
            made.contains("user: \"ws-acme\"") && made.contains("vigilo.request.acme.renew"),
            "{made}"
        );
        std::fs::write(secrets.join("issuer"), "short\n").expect("written");
        let refused = config(&args).expect_err("weak").to_string();
        assert!(refused.contains("issuer"), "{refused}");
        std::fs::remove_dir_all(secrets).expect("removed");
    }
}
