//! `vigilo nats-config`: the users of a fleet's NATS, each with the rights of its rows of the topology and no more.
//!
//! In: a directory with one password per user. Out: an `authorization` block for nats-server on stdout. Never: a running
//! server, and no password outside of that directory and the block.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
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
    let workspaces = args.workspaces.iter().cloned().map(User::Workspace);
    let mut lines = Vec::new();
    for user in User::services().into_iter().chain(workspaces) {
        lines.push(entry(&user, &password(args, &user)?));
    }
    Ok(authorization(&lines))
}

/// The block with these entries.
pub fn authorization(entries: &[String]) -> String {
    format!("authorization {{\n  users = [\n{}  ]\n}}\n", entries.concat())
}

/// One user as nats-server reads it. What is not allowed is denied.
pub fn entry(user: &User, password: &str) -> String {
    let rights = user.rights();
    let responses = if rights.answers { ", allow_responses: true" } else { "" };
    format!(
        "    {{ user: {:?}, password: {password:?}, permissions: {{\n      publish: {{ allow: {:?} }},\n      \
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
            made.contains("user: \"ws-acme\"") && made.contains("vigilo.request.acme.>"),
            "{made}"
        );
        std::fs::write(secrets.join("issuer"), "short\n").expect("written");
        let refused = config(&args).expect_err("weak").to_string();
        assert!(refused.contains("issuer"), "{refused}");
        std::fs::remove_dir_all(secrets).expect("removed");
    }
}
